"""The alerts and the dashboard of deploy/ name what is told, and each alert is proven."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from broadcast.ledger.gauges import Gauges
from channels.dispatch.measures import Measures
from channels.memory import MemoryChannel
from console.server.metrics import Metrics
from tests.test_compose import services

ROOT = Path(__file__).parents[1]
PROMETHEUS = ROOT / "deploy/prometheus"
RULES = yaml.safe_load((PROMETHEUS / "fasttime.rules.yml").read_text(encoding="utf-8"))
CASES = (PROMETHEUS / "fasttime.rules.test.yml").read_text(encoding="utf-8")
DASHBOARD = json.loads((ROOT / "deploy/grafana/fasttime.json").read_text(encoding="utf-8"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
EXPRESSIONS = {
    **{rule["alert"]: rule["expr"] for rule in ALERTS},
    **{
        panel["title"]: " ".join(target["expr"] for target in panel["targets"])
        for panel in DASHBOARD["panels"]
    },
}
FUNCTIONS = {
    *("by", "le", "count", "histogram_quantile", "max", "max_over_time", "min_over_time"),
    *("rate", "sum", "on", "ignoring"),
}


def told() -> dict[str, set[str]]:
    """Return every series that our processes tell, with its labels."""
    measures = Measures()
    measures.expects(MemoryChannel("sms"))
    measures.errors["sms", "memory:memory", "21610"] += 1
    metrics = Metrics(role="all", measures=measures)
    metrics.seen = Gauges(
        outbox_waiting=0,
        receipts_waiting=0,
        slices_open=0,
        in_doubt=0,
        parked=0,
        look_ups=0,
        urgent_answers=0,
        workers=1,
        versions={},
        totals={("sms", "accepted"): 1},
    )
    metrics.observe("GET", "/", 200, 0.1)
    found: dict[str, set[str]] = {"up": set()}  # Prometheus's own
    for family in text_string_to_metric_families(generate_latest(metrics.registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize("title", sorted(EXPRESSIONS))
def test_an_expression_names_only_series_and_labels_that_are_told(title: str) -> None:
    known = told()
    expression = re.sub(r'"[^"]*"', '""', EXPRESSIONS[title])
    grouped = set(re.findall(r"\w+", " ".join(re.findall(r"\bby \(([^)]*)\)", expression))))
    plain = re.sub(r"\bby \([^)]*\)|\{[^}]*\}|\[[^\]]*\]", " ", expression)
    names = set(re.findall(r"\b[a-z][a-z_]*\b", plain)) - FUNCTIONS
    assert names, "an expression of nothing"
    assert names <= set(known)
    labels = {"job", "instance"}.union(*(known.get(name, set()) for name in names))
    matched = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", expression)) | grouped
    assert matched <= labels


def promtool(*arguments: str) -> str:
    """Run promtool in the folder of the rules; tests.services.install brings it."""
    program = shutil.which("promtool")
    assert program, "promtool is missing: make services"
    done = subprocess.run(
        [program, *arguments],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_rules_and_the_configuration_are_those_of_prometheus() -> None:
    assert f"{len(ALERTS)} rules found" in promtool("check", "rules", "fasttime.rules.yml")
    promtool("check", "config", "prometheus.yml")


def test_each_alert_fires_when_it_should_and_sleeps_when_all_is_well() -> None:
    promtool("test", "rules", "fasttime.rules.test.yml")
    assert {rule["alert"] for rule in ALERTS if rule["alert"] not in CASES} == set()


def test_each_alert_says_what_to_do_and_whether_to_wake_somebody() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    for rule in ALERTS:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert set(rule["annotations"]) == {"summary", "description"}
    rows = dict(re.findall(r"^\| `(Fasttime\w+)` \| (page|ticket) \|", page, flags=re.MULTILINE))
    assert rows == {rule["alert"]: rule["labels"]["severity"] for rule in ALERTS}


def test_prometheus_reads_every_process_of_the_compose_file() -> None:
    read = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text(encoding="utf-8"))
    (found,) = read["scrape_configs"][0]["dns_sd_configs"]
    ours = {
        name
        for name, service in services.items()
        if service["image"].startswith("fasttime:") and name not in ("migrate", "simulator")
    }
    assert set(found["names"]) == ours
    ports = {
        service["environment"]["FASTTIME_METRICS_LISTEN"].rpartition(":")[2]
        for name, service in services.items()
        if name in ours
    }
    assert ports == {str(found["port"])}


def test_the_panels_of_the_dashboard_lie_beside_one_another_and_read_the_chosen_source() -> None:
    covered: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & covered, panel["title"]
        assert at["x"] + at["w"] <= 24
        assert panel["datasource"]["uid"] == "${source}"
        covered |= cells
