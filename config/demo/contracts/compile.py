"""The compiler of the demo's contracts: fetches solc from the npm registry into a temporary folder and runs it.

    python -m config.demo.contracts.compile

writes compiled.json anew. It needs Node.js with npm; nothing else of the project does.
"""

import hashlib
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from config.demo.contracts import COMPILED

SOLC = "0.8.30"
SOURCES = ("DemoOracle.sol", "DemoOrderBook.sol", "DemoToken.sol")
SETTINGS: dict[str, Any] = {
    "optimizer": {"enabled": True, "runs": 200},
    # The oldest set of instructions that every node of today runs, the embedded one included.
    "evmVersion": "paris",
    "outputSelection": {"*": {"*": ["abi", "evm.bytecode.object"]}},
}


class CompilationFailed(RuntimeError):
    """solc refused a source, or could not be fetched. Nothing was written."""


def compiled() -> dict[str, Any]:
    """Compile the sources. Raises CompilationFailed with what the compiler or npm said."""
    folder = COMPILED.parent
    request = {
        "language": "Solidity",
        "sources": {name: {"content": (folder / name).read_text()} for name in SOURCES},
        "settings": SETTINGS,
    }
    with tempfile.TemporaryDirectory() as scratch:
        _run(["npm", "install", "--no-audit", "--no-fund", f"solc@{SOLC}"], Path(scratch))
        solc = ["node", "node_modules/solc/solc.js", "--standard-json"]
        # solcjs says how it speaks before it answers.
        _, brace, answer = _run(solc, Path(scratch), json.dumps(request)).partition("{")
    output = json.loads(brace + answer)
    if errors := [error["formattedMessage"] for error in output.get("errors", ()) if error["severity"] == "error"]:
        raise CompilationFailed("\n".join(errors))
    return {
        "compiler": {"package": "solc", "version": SOLC, "settings": SETTINGS},
        "sources": source_hashes(),
        "contracts": {
            name: {"abi": made["abi"], "bytecode": f"0x{made['evm']['bytecode']['object']}"}
            for file in SOURCES
            for name, made in sorted(output["contracts"][file].items())
        },
    }


def source_hashes() -> dict[str, str]:
    """Return the SHA-256 of each source as it lies here."""
    return {name: hashlib.sha256((COMPILED.parent / name).read_bytes()).hexdigest() for name in SOURCES}


def _run(command: list[str], folder: Path, text: str = "") -> str:
    try:
        done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, timeout=300)
    except FileNotFoundError as error:
        raise CompilationFailed(f"{command[0]} is not installed: the contracts are compiled with Node.js") from error
    if done.returncode != 0:
        raise CompilationFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    COMPILED.write_text(json.dumps(compiled(), indent=1) + "\n")
    print(f"wrote {COMPILED}")
