#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Reads what Prometheus would read, with the same rules; JSON on stdout.

prometheus_reader.py prometheus|openmetrics  the text on stdin, as
    {family: {type, help, samples: [[name, {label: value}, number]]}}
prometheus_reader.py rules FILE              the alert rules, as
    [{alert, severity, summary, selectors: [[name, [[label, op, value]]]]}]
"""

import json
import sys

import promql_parser
import yaml
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as read_openmetrics,
)
from prometheus_client.parser import (
    text_string_to_metric_families as read_prometheus,
)


def read_metrics(read, text):
    families = {}
    for family in read(text):
        if family.name in families:
            raise ValueError(f"{family.name} is there twice")
        families[family.name] = {
            "type": family.type,
            "help": family.documentation,
            "samples": [[s.name, s.labels, s.value] for s in family.samples],
        }
    return families


def selectors_of(node):
    """Every vector selector below a node of a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        matchers = node.matchers.matchers
        return [[node.name, [[m.name, str(m.op), m.value] for m in matchers]]]
    if isinstance(node, promql_parser.MatrixSelector):
        return selectors_of(node.vector_selector)
    if isinstance(node, promql_parser.BinaryExpr):
        return selectors_of(node.lhs) + selectors_of(node.rhs)
    if isinstance(node, promql_parser.Call):
        return [s for arg in node.args for s in selectors_of(arg)]
    if isinstance(node, promql_parser.NumberLiteral):
        return []
    return selectors_of(node.expr)


def read_rules(path):
    with open(path, encoding="utf-8") as file:
        document = yaml.safe_load(file)
    rules = []
    for group in document["groups"]:
        for rule in group["rules"]:
            extra = set(rule) - {"alert", "expr", "for", "labels", "annotations"}
            if extra:
                raise ValueError(f"{rule['alert']} has {sorted(extra)}")
            rules.append(
                {
                    "alert": rule["alert"],
                    "severity": rule["labels"]["severity"],
                    "summary": rule["annotations"]["summary"],
                    "selectors": selectors_of(promql_parser.parse(rule["expr"])),
                }
            )
    return rules


def main():
    what = sys.argv[1]
    if what == "rules":
        result = read_rules(sys.argv[2])
    else:
        read = {"prometheus": read_prometheus, "openmetrics": read_openmetrics}
        result = read_metrics(read[what], sys.stdin.read())
    json.dump(result, sys.stdout)


main()
