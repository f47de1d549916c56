"""A simulated Asterisk 22 with a call desk behind it: an AMI server to develop against and to demonstrate with.

`SimulatorServer` is the desk behind a TCP port, in real time or faster; `Desk` is the desk itself, a pure function of
a plan, a seed and a start, for tests that cannot wait.

The parts, each in its module: `plan` (what a desk is), `demo` (the one shown by default), `desk` (the facade),
`dialplan`, `journeys`, `visits`, `dials`, `talks` and `consultations` (a caller's way), `rota` and `arrivals` (agents
and callers by the clock), `floor`, `people`, `channels` and `agenda` (what there is, and the small steps), `blocks` and
`snapshots` (the bytes), `ledger` (the truth), `session` and `server` (the protocol). Nothing else of ringwatch is used
here, and nothing outside the standard library.
"""

from ringwatch.simulator.demo import DEFAULT_PLAN
from ringwatch.simulator.desk import Desk
from ringwatch.simulator.plan import (
    AgentPlan,
    LinePlan,
    PauseHabit,
    PhonePlan,
    Plan,
    PlanError,
    QueuePlan,
    TalkHabit,
    absent,
    around_the_clock,
    scaled,
)
from ringwatch.simulator.server import SimulatorServer
from ringwatch.simulator.session import Account

__all__ = [
    "DEFAULT_PLAN",
    "Account",
    "AgentPlan",
    "Desk",
    "LinePlan",
    "PauseHabit",
    "PhonePlan",
    "Plan",
    "PlanError",
    "QueuePlan",
    "SimulatorServer",
    "TalkHabit",
    "absent",
    "around_the_clock",
    "scaled",
]
