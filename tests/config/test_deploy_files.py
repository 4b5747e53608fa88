"""The files of docs/deploy: well formed, and of commands, variables and folders that are there."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class

from config.documented import documented_variables
from config.schedules import SCHEDULES
from tests.architecture.source import PROJECT

DEPLOY = PROJECT / "docs" / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
WITH_COMMANDS = [*SERVICES, DEPLOY / "supervisor.conf", DEPLOY / "crontab"]
HARDLY_EXPOSED = 2.5  # Of ten, as systemd-analyze reckons; a service that says nothing of itself has 9.6.


def parsed(path, **options):
    parser = configparser.RawConfigParser(strict=True, interpolation=None, **options)
    parser.optionxform = str
    parser.read_string(path.read_text())
    return parser


@pytest.fixture
def here(tmp_path):
    """The units as they would be if the project were installed where it lies now."""
    for unit in UNITS:
        text = unit.read_text().replace("/srv/hedgetrail/.venv/bin/python", sys.executable)
        text = text.replace("/srv/hedgetrail/.venv/bin/gunicorn", sys.executable)
        (tmp_path / unit.name).write_text(text.replace("/srv/hedgetrail", str(PROJECT)))
    return tmp_path


@pytest.mark.parametrize("path", WITH_COMMANDS, ids=lambda path: path.name)
def test_every_command_is_there_with_its_options(path):
    commands = re.findall(r"manage\.py ([a-z_]+)((?: --[a-z-]+)*)", path.read_text())
    served = re.findall(r"gunicorn (.*?)'?$", path.read_text(), re.MULTILINE)

    assert commands or served
    for name, options in commands:
        parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        assert set(options.split()) <= set(parser._option_string_actions), name
    for arguments in served:
        assert arguments == "-c python:config.running.web_server config.wsgi"


def test_each_part_of_an_installation_has_a_unit_and_a_program():
    parts = {"web", "conduct", "schedules"}
    programs = parsed(DEPLOY / "supervisor.conf", inline_comment_prefixes=(";",))

    assert {unit.stem for unit in SERVICES} == {"hedgetrail", *(f"hedgetrail-{part}" for part in parts)}
    assert programs.get("group:hedgetrail", "programs").split(",") == [
        section.removeprefix("program:") for section in programs if section.startswith("program:")
    ]
    for part in parts:
        unit = parsed(DEPLOY / "systemd" / f"hedgetrail-{part}.service")
        program = programs[f"program:hedgetrail-{part}"]
        assert program["user"] == unit["Service"]["User"]
        assert program["directory"] == unit["Service"]["WorkingDirectory"]
        assert program["stopwaitsecs"] == unit["Service"]["TimeoutStopSec"]
        assert program["command"].endswith(f"{unit['Service']['ExecStart'].removeprefix('/srv/hedgetrail/')}'")


def test_a_shell_reads_what_supervisor_runs():
    programs = parsed(DEPLOY / "supervisor.conf", inline_comment_prefixes=(";",))
    for section in (name for name in programs if name.startswith("program:")):
        shell, option, script = shlex.split(programs[section]["command"])
        assert (shell, option) == ("/bin/sh", "-c")
        subprocess.run([shell, "-n", option, script], check=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(here):
    done = subprocess.run(
        ["systemd-analyze", "verify", *(str(path) for path in sorted(here.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
        env={"SYSTEMD_UNIT_PATH": f"{here}:", "PATH": "/usr/bin:/bin"},
    )
    ours = [line for line in done.stderr.splitlines() if "hedgetrail" in line]

    assert (done.returncode, ours) == (0, [])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_may_do_little_else(here, unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={int(HARDLY_EXPOSED * 10)}", here / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze does not look at files")

    assert done.returncode == 0, done.stdout


def test_no_service_runs_as_root_or_ends_before_its_part_can():
    least = {"hedgetrail": 230, "hedgetrail-web": 30, "hedgetrail-conduct": 60, "hedgetrail-schedules": 300}
    for unit in SERVICES:
        service = parsed(unit)["Service"]
        assert service["User"] == "hedgetrail"
        assert service["Restart"] == "always"
        assert int(service["TimeoutStopSec"]) >= least[unit.stem]


def test_the_example_of_settings_names_variables_that_are_there_and_has_no_secret():
    lines = re.findall(r"^([A-Z_]+)=(.*)$", (DEPLOY / "environment.example").read_text(), re.MULTILINE)
    variables = {variable.name: variable for variable in documented_variables()}

    assert {name for name, _ in lines} <= set(variables)
    assert {"SECRET_KEY", "DATABASE_URL", "ALLOWED_HOSTS"} <= {name for name, _ in lines}
    secrets = {name: value for name, value in lines if variables[name].secret}
    assert secrets.pop("DATABASE_URL") == "postgres://hedgetrail@/hedgetrail?host=/var/run/postgresql"
    assert secrets.pop("RPC_URL") == "https://base-node.example.com"
    assert set(secrets.values()) == {"'…'"}


def test_the_crontab_is_one():
    jobs = []
    for line in (DEPLOY / "crontab").read_text().splitlines():
        if line.startswith("#") or not line or re.match(r"^[A-Z_]+=", line):
            continue
        found = re.fullmatch(r"((?:[\d*/,-]+ ){5})(hedgetrail) (set -a; \. /etc/hedgetrail/environment; .+)", line)
        assert found, line
        assert "%" not in found[3]  # Which cron would take for the end of the line.
        subprocess.run(["sh", "-n", "-c", found[3]], check=True)
        jobs.append(found[3])
    assert len(jobs) == 2
    # It does twice what a schedule does already?
    assert not any(scheduled.name in job for scheduled in SCHEDULES for job in jobs)


def instructions():
    text = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [tuple(line.split(maxsplit=1)) for line in lines]


def test_the_container_is_made_of_what_is_there_and_of_nothing_else():
    copied = [arguments.split()[0] for word, arguments in instructions() if word == "COPY"]

    assert all((PROJECT / name).exists() for name in copied)
    needed = {path.name for path in PROJECT.iterdir() if (path / "__init__.py").exists()} - {"tests", "benchmarks"}
    assert set(copied) == {"requirements.txt", "manage.py", "templates", *needed}


def test_the_container_runs_a_command_of_ours_as_somebody_who_owns_nothing_of_it():
    told = instructions()
    words = [word for word, _ in told]
    commands = {word: arguments for word, arguments in told if word in ("ENTRYPOINT", "CMD")}

    assert set(words) <= {
        "FROM",
        "ENV",
        "WORKDIR",
        "RUN",
        "COPY",
        "USER",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-[a-z]+", told[0][1])
    assert "--require-hashes" in next(arguments for word, arguments in told if word == "RUN" and "pip" in arguments)
    last = len(words) - 1 - words[::-1].index("COPY")
    assert words.index("USER") > last
    assert dict(told)["USER"] == "hedgetrail"
    # As lists, so that the signal to end reaches the program and not a shell.
    assert commands["ENTRYPOINT"] == '["python", "manage.py"]'
    name, *options = re.findall(r'"([^"]+)"', commands["CMD"])
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    assert parser.parse_args(options).host == "0.0.0.0"  # noqa: S104  # inside a container
    assert not re.search(r"KEY|SECRET|TOKEN|PASSWORD", dict(told)["ENV"])
