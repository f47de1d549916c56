"""The desk that a demonstration shows: fourteen people, four queues and a direct line of a town's service centre.

The numbers are chosen so that every clause of the standard has something to say: support is short of people when the
morning is busiest, sales rings everyone at once, billing has long conversations, and a few habits (missed calls, long
holds, transfers) sit with a few people. Names are invented; several are not ASCII, as real ones are not.
"""

from __future__ import annotations

from ringwatch.simulator.plan import AgentPlan, LinePlan, PauseHabit, PhonePlan, Plan, QueuePlan, TalkHabit

# Relative arrivals by half hour: a morning peak, a dip at lunch, a lower afternoon peak, very little at night.
OFFICE_DAY = (
    *(0.01,) * 12,  # 00:00
    *(0.02, 0.03, 0.05, 0.10),  # 06:00
    *(0.50, 0.80, 1.10, 1.25, 1.20, 1.10, 0.95, 0.80),  # 08:00
    *(0.60, 0.55, 0.65, 0.80, 0.95, 1.00, 0.90, 0.80),  # 12:00
    *(0.60, 0.40, 0.18, 0.10, 0.08, 0.06, 0.05, 0.04),  # 16:00
    *(0.03, 0.03, 0.02, 0.02, 0.01, 0.01, 0.01, 0.01),  # 20:00
)
OFFICE_WEEK = (1.2, 1.0, 1.0, 1.0, 0.9, 0.25, 0.05)

EARLY = ((7.5, 12.0), (12.5, 16.0))
DAY = ((8.0, 12.5), (13.0, 17.0))
LATE = ((9.0, 13.0), (13.5, 18.0))
PART_TIME = ((8.5, 13.0),)

BREAK = PauseHabit(reason="break", per_hour=0.45, mean_seconds=480)
MEETING = PauseHabit(reason="meeting", per_hour=0.12, mean_seconds=1500)
PAPERWORK = PauseHabit(reason="paperwork", per_hour=0.8, mean_seconds=240)

SUPPORT = ("201", "202", "203", "204", "205", "206")
SALES = ("206", "207", "208", "209")
BILLING = ("209", "210", "211", "212")
FRONT = ("205", "213", "214")

AGENTS = (
    AgentPlan(number="201", name="Anna de Vries", transfers_blind=0.05, holds=0.15, pauses=(BREAK,), shifts=EARLY),
    AgentPlan(
        number="202", name="Bram Jansen", misses=0.18, picks_up_seconds=(3, 14), pauses=(BREAK, MEETING), shifts=DAY
    ),
    AgentPlan(
        number="203",
        name="Chloé Müller",
        picks_up_seconds=(1.2, 4),
        transfers_attended=0.06,
        holds=0.3,
        hold_mean_seconds=45,
        shifts=DAY,
    ),
    AgentPlan(number="204", name="Łukasz Wójcik", transfers_blind=0.12, pauses=(PAPERWORK,), shifts=LATE),
    AgentPlan(number="205", name="Ștefania Ionescu", misses=0.05, holds=0.1, pauses=(BREAK,), shifts=LATE),
    AgentPlan(number="206", name="Дарья Соколова", transfers_attended=0.08, pauses=(BREAK, PAPERWORK), shifts=DAY),
    AgentPlan(number="207", name="Dirk Bakker", picks_up_seconds=(2, 8), hangs_up_first=0.5, shifts=EARLY),
    AgentPlan(number="208", name="Eva Visser", hangs_up_by="ami", pauses=(BREAK,), shifts=DAY),
    AgentPlan(number="209", name="Femke Smit", misses=0.1, holds=0.2, pauses=(MEETING,), shifts=DAY),
    AgentPlan(number="210", name="Gijs van Dijk", hangs_up_by="ami", transfers_blind=0.08, shifts=EARLY),
    AgentPlan(number="211", name="Zuzanna Nowak", holds=0.35, hold_mean_seconds=60, pauses=(PAPERWORK,), shifts=DAY),
    AgentPlan(number="212", name="Ömer Kaya", misses=0.08, pauses=(BREAK,), shifts=LATE),
    AgentPlan(number="213", name="Iris Mulder", picks_up_seconds=(1, 3), transfers_blind=0.35, shifts=PART_TIME),
    AgentPlan(number="214", name="Joost Meijer", transfers_blind=0.3, misses=0.05, pauses=(BREAK,), shifts=DAY),
)

PHONES = (
    PhonePlan(number="251", name="Back office", picks_up_seconds=(2, 12), misses=0.15),
    PhonePlan(number="252", name="Town hall desk", picks_up_seconds=(3, 18), misses=0.2, hangs_up_first=0.4),
)

DEFAULT_PLAN = Plan(
    queues=(
        QueuePlan(
            name="support",
            exten="1000",
            transfer_exten="800",
            members=SUPPORT,
            strategy="rrmemory",
            calls_per_hour=54,
            wait_limit_seconds=240,
            patience_mean_seconds=150,
            talk=TalkHabit(mean_seconds=230, sigma=0.65),
        ),
        QueuePlan(
            name="sales",
            exten="2000",
            transfer_exten="801",
            members=SALES,
            strategy="ringall",
            calls_per_hour=34,
            answer_first=True,
            rings_back=True,
            patience_mean_seconds=75,
            talk=TalkHabit(mean_seconds=170, sigma=0.7),
        ),
        QueuePlan(
            name="billing",
            exten="3000",
            transfer_exten="802",
            members=BILLING,
            strategy="leastrecent",
            calls_per_hour=24,
            wrapup_seconds=20,
            answer_first=True,
            patience_mean_seconds=180,
            talk=TalkHabit(mean_seconds=290, sigma=0.8),
        ),
        QueuePlan(
            name="front",
            exten="4000",
            transfer_exten="803",
            members=FRONT,
            strategy="ringall",
            calls_per_hour=34,
            ring_seconds=12,
            wait_limit_seconds=60,
            wrapup_seconds=4,
            patience_mean_seconds=60,
            talk=TalkHabit(mean_seconds=60, sigma=0.5),
        ),
    ),
    agents=AGENTS,
    phones=PHONES,
    lines=(
        LinePlan(
            name="town hall",
            exten="5000",
            phones=("251", "252"),
            calls_per_hour=9,
            talk=TalkHabit(mean_seconds=120, sigma=0.6),
        ),
    ),
    curve=OFFICE_DAY,
    week=OFFICE_WEEK,
    redials=0.35,
    redial_mean_seconds=900,
    withheld=0.04,
    named=0.4,
)
