"""`python -m local.openapi` writes docs/openapi.json; with `--print` it goes to standard output."""

import json
import sys

from local.engine import ROOT
from local.openapi.document import document

FILE = ROOT / "docs" / "openapi.json"


def main() -> None:
    text = json.dumps(document(), indent=2, ensure_ascii=False) + "\n"
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text)
        return
    FILE.write_text(text)


if __name__ == "__main__":
    main()
