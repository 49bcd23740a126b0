"""The schemas that are shipped, held against what a command printed."""

import json

from jsonschema import Draft202012Validator

from ytpool import data


def fits(name, printed):
    """Check the last line a command printed, and return what its `data` holds."""
    told = json.loads(printed.splitlines()[-1])
    Draft202012Validator(data.load("schemas/envelope.json")).validate(told)
    Draft202012Validator(data.load(f"schemas/{name}.json")).validate(told["data"])
    return told["data"]
