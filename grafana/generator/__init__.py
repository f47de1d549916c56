"""Makes the dashboards: `python -m grafana.generator` writes them to ``grafana/dashboards``.

Rules:

* What is made is committed, and a test makes it again: nobody edits a dashboard, neither in a file nor in Grafana.
* A number that the service standard promises is read from `ringwatch.core.standards`, one at which an alert is raised
  from `ringwatch.core.alerts`; where the exporter tells a queue's own (`ringwatch_alert_threshold`), it is drawn.
* A series that ringwatch does not export cannot be asked for: `queries` knows them from the exporter itself.
* A panel says in its description, to a team lead, what is measured and what to think of it.
"""
