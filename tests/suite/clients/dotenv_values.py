"""Prints, as one JSON object a line, what python-dotenv reads from each line of a JSON-lines file of strings."""

import io
import json
import os
import sys

from dotenv import dotenv_values

# Nothing of this machine is to be expanded into a value.
os.environ.clear()

with open(sys.argv[1], encoding="utf-8", newline="\n") as lines:
    for line in lines:
        print(json.dumps(dotenv_values(stream=io.StringIO(json.loads(line) + "\n"))))
