"""``[alert.NAME]``: how one alert behaves, for all queues or, as ``alert.NAME`` in a queue's or line's table, for one.

The names, and what each alert measures, are in ``ringwatch.core.alerts``; what is not given is as it is there.
"""

from collections.abc import Mapping
from typing import Annotated, Any, get_args

from pydantic import BaseModel

from ringwatch.config.checks import TABLE, Flag, Part, Positive, Seconds, one_of
from ringwatch.core.rules import Severity


class AlertConfig(BaseModel):
    """One alert; None is as it is for all queues, or by default."""

    model_config = TABLE

    enabled: Flag | None = None
    threshold: Positive | None = None
    """From which value on it is bad: callers, seconds, agents, times: see the alert."""
    hold_off_seconds: Seconds | None = None
    """For how long it must be bad before the alert is raised."""
    clear_share: Part | None = None
    """Up to which part of the threshold it is well again."""
    clear_seconds: Seconds | None = None
    """For how long it must be well before the alert is cleared."""
    severity: Annotated[str, one_of(get_args(Severity))] | None = None


class Alerts(BaseModel):
    """All that the core raises, by the names of `ringwatch.core.alerts.ALERTS`."""

    model_config = TABLE

    lines_piling_up: AlertConfig = AlertConfig()
    longest_wait: AlertConfig = AlertConfig()
    nobody_answering: AlertConfig = AlertConfig()
    understaffed: AlertConfig = AlertConfig()
    third_ring_budget_burn: AlertConfig = AlertConfig()
    service_level_budget_burn: AlertConfig = AlertConfig()
    hold_too_long: AlertConfig = AlertConfig()
    call_too_long: AlertConfig = AlertConfig()
    agent_no_break: AlertConfig = AlertConfig()
    load_uneven: AlertConfig = AlertConfig()
    callers_bounced: AlertConfig = AlertConfig()
    callbacks_overdue: AlertConfig = AlertConfig()
    ami_disconnected: AlertConfig = AlertConfig()
    data_stale: AlertConfig = AlertConfig()
    state_drift: AlertConfig = AlertConfig()

    def over(self, general: "Alerts") -> Mapping[str, Mapping[str, Any]]:
        """Return what is given here or else in *general*, by alert and key."""
        own, others = (each.model_dump(exclude_none=True) for each in (self, general))
        return {key: others[key] | own[key] for key in own}
