"""Cut-over: brings what older tables hold into the log, row by row and verified."""
