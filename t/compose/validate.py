# SPDX-License-Identifier: BSD-2-Clause
"""Prints a compose file as JSON, after the compose specification's schema.

    validate.py FILE

The schema is the one that the package docker-compose carries. What breaks it
is printed, a line each, and the exit code is 1. A key that stands twice in one
mapping, which YAML readers let pass, is refused too.
"""

import importlib.metadata
import json
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """Refuses a mapping with a key that stands there twice."""

    def compose_mapping_node(self, anchor):
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: {key.value} stands twice")
            seen.add(key.value)
        return node


def schema():
    for file in importlib.metadata.files("docker-compose") or ():
        if file.name == "compose_spec.json":
            return json.loads(file.read_text())
    sys.exit("the package docker-compose holds no compose_spec.json")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        try:
            value = yaml.load(file, Loader)
        except yaml.YAMLError as error:
            sys.exit(f"{sys.argv[1]}: {error}")
    check = jsonschema.Draft201909Validator(schema())
    errors = [
        "/".join(map(str, error.absolute_path)) + ": " + error.message
        for error in check.iter_errors(value)
    ]
    if errors:
        sys.exit("\n".join(errors))
    print(json.dumps(value))


if __name__ == "__main__":
    main()
