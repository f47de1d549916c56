"""What people see in Grafana and are called by: dashboards, rules and the runbook, and what makes the dashboards."""
