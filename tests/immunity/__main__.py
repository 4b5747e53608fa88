"""Write docs/immunity.md anew."""

import sys

from tests.immunity.table import DOCUMENT, document, load

if __name__ == "__main__":
    DOCUMENT.write_text(document(load()))
    sys.stdout.write(f"{DOCUMENT} has {sum(len(group.rows) for group in load())} rows\n")
