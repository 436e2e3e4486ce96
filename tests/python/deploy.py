"""What is under deploy/, against the languages it is written in: PromQL, and the schemas of Kubernetes.

    python tests/python/deploy.py

Whether it fits the binary is tested by tests/deploy.rs.
"""

import json
import pathlib

import kubernetes_validate
import promql_parser
import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
KUBERNETES_VERSION = "1.35"
# Of a kind that is not of Kubernetes itself.
FOREIGN = {"kustomization.yaml", "servicemonitor.yaml"}


def rules():
    """The expressions of the alert rules, each with the names of the labels that its texts use."""
    for path in sorted(DEPLOY.glob("prometheus/rules/*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield rule["alert"], rule["expr"]


def panels():
    """The expressions of the dashboards, with Grafana's variables as they may turn out."""
    for path in sorted(DEPLOY.glob("grafana/dashboards/*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield panel["title"], target["expr"].replace("$__rate_interval", "1m").replace("$instance", ".*")


def manifests():
    """The manifests of Kubernetes."""
    for path in sorted(DEPLOY.glob("kubernetes/**/*.yaml")):
        if path.name not in FOREIGN:
            for manifest in yaml.safe_load_all(path.read_text()):
                yield path.name, manifest


expressions = 0
for name, expression in [*rules(), *panels()]:
    assert "$" not in expression, f"{name}: a variable that is not known: {expression}"
    try:
        promql_parser.parse(expression)
    except ValueError as error:
        raise SystemExit(f"{name}: {expression}: {error}") from error
    expressions += 1

checked = 0
for name, manifest in manifests():
    kubernetes_validate.validate(manifest, KUBERNETES_VERSION, strict=True)
    checked += 1

assert expressions > 30 and checked > 5, (expressions, checked)
print(f"{expressions} expressions of PromQL and {checked} manifests of Kubernetes are sound")
