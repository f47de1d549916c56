"""What all dashboards have in common: variables, annotations, links, and how they are written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    Panel,
    VariableHide,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.generator.panels import DATASOURCE
from grafana.generator.queries import RANGE, selector

RUNBOOK = "https://wiki.example.com/ringwatch/runbook"
"""Where the runbook is; each alert is a heading there. To be replaced in the JSON by where yours is."""
TAG = "ringwatch"
ANY = VariableOption(selected=True, text=["All"], value=["$__all"])
ALERTS = 'ALERTS{alertname=~"Ringwatch.*",alertstate="firing",pbx=~"$pbx"}'
ALERTS_OF_QUEUES = ALERTS.replace("}", ',queue=~"$queue"}')

NOT_HEARD = f"max by (pbx) ({selector('ami_connected')}) == bool 0"
# Only who has said that it is a ringwatch is one; what else is scraped is none of these pages' business.
_RINGWATCH = f"and on (job, instance) last_over_time({selector('build_info')}[{RANGE}])"
_UP = 'max by (job, instance) (up{job=~"$job",instance=~"$instance"})'
UP = f"{_UP} {_RINGWATCH}"
AWAY = f"{_UP} == bool 0 {_RINGWATCH}"

# Rows of a dashboard: a head, and what is below it.
Rows = Sequence[tuple[str, Sequence[Builder[Panel]]]]


class Choice(NamedTuple):
    """A variable whose values are those of a label."""

    name: str
    label: str
    query: str
    several: bool = True
    shown: bool = True

    def variable(self) -> Builder[VariableModel]:
        """Build it."""
        made = dashboard.QueryVariable(self.name).label(self.label).datasource(DATASOURCE)
        made.query(f"label_values({self.query}, {self.name})")
        made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
        if self.several:
            made.multi(True).include_all(True).all_value(".+").current(ANY)
        return made if self.shown else made.hide(VariableHide.HIDE_VARIABLE)


def told_by(*, shown: bool = False) -> tuple[Choice, Choice]:
    """Choose whose word counts; team leads need not know that there may be several."""
    job = Choice("job", "Job", "ringwatch_build_info", shown=shown)
    return job, Choice("instance", "Instance", 'ringwatch_build_info{job=~"$job"}', shown=shown)


PBX = Choice("pbx", "PBX", 'ringwatch_ami_connected{job=~"$job"}')
QUEUES = Choice("queue", "Queue or line", 'ringwatch_queue_waiting{job=~"$job",pbx=~"$pbx"}')
QUEUE = QUEUES._replace(several=False)
AGENTS = Choice("agent", "Agent", 'ringwatch_agent_calls_total{job=~"$job",pbx=~"$pbx"}')


def build(
    uid: str, title: str, description: str, choices: Sequence[Choice], rows: Rows, *, since: str, refresh: str
) -> Dashboard:
    """Build a dashboard.

    :param since: the time that is shown at first, as Grafana writes it.
    """
    made = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    made.time(since, "now").refresh(refresh).timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    made.with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for choice in choices:
        made.with_variable(choice.variable())
    made.with_variable(dashboard.ConstantVariable("runbook").label("Runbook").value(RUNBOOK))
    for name, color, expr in (("Alerts", "red", ALERTS), ("Not heard", "purple", NOT_HEARD), ("Away", "purple", AWAY)):
        annotation = dashboard.AnnotationQuery().name(name).datasource(DATASOURCE).enable(True)
        made.annotation(annotation.icon_color(color).expr(expr))
    made.link(_between()).link(dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).url("${runbook}"))
    for head, panels in rows:
        made.with_row(dashboard.Row(head))
        for panel in panels:
            made.with_panel(panel)
    built = made.build()
    for number, each in enumerate(built.panels or (), start=1):
        each.id_val = number
    return built


def _between() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Dashboards").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.as_dropdown(False).include_vars(True).keep_time(True)


def written(made: Dashboard) -> str:
    """Return a dashboard as it is committed."""
    content: dict[str, Any] = json.loads(json.dumps(made, cls=JSONEncoder))
    for variable in content["templating"]["list"]:
        # The SDK gives them to every variable; they are those of an interval.
        for key in ("auto", "auto_min", "auto_count"):
            variable.pop(key, None)
    titles = {
        "Alerts": ("{{alertname}}", "{{queue}} {{severity}}"),
        "Not heard": ("The PBX was not heard", "{{pbx}}"),
        "Away": ("ringwatch was not there", "{{instance}}"),
    }
    for annotation in content["annotations"]["list"]:
        # What an event is called is the Prometheus data source's own, and the SDK knows annotations of none.
        annotation["titleFormat"], annotation["textFormat"] = titles[annotation["name"]]
    return json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
