"""What is said of an error: all that a log, a page or a report with variables may show."""


def all_that_is_said(error):
    """The messages of an error and its causes, and the variables of all frames that a report of it may show."""
    said, seen = [], error
    while seen is not None:
        said += [str(seen), repr(seen)]
        frame = seen.__traceback__
        while frame is not None:
            if "/trading/" in frame.tb_frame.f_code.co_filename and "/tests/" not in frame.tb_frame.f_code.co_filename:
                said += [f"{name}={value!r}" for name, value in frame.tb_frame.f_locals.items()]
            frame = frame.tb_next
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(said)
