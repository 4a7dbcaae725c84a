"""The pods and what they have, by kube-state-metrics and the kubelets; empty outside of Kubernetes."""

from deployments.grafana.board import Board, Row
from deployments.grafana.panels import Query, here, lines, number, rate, table

_OURS = "fraud-.*"
_CONTAINER = {"pod": _OURS, "container": ".+"}


def _of(metric: str, function: str = "rate", **labels: str) -> str:
    return f"sum by (pod) ({function}({here(metric, **_CONTAINER, **labels)}[$__rate_interval]))"


def _health() -> Row:
    return Row(
        "Health",
        (
            number(
                "Pods that are not ready",
                "Finished jobs are not counted.",
                Query(
                    f"sum({here('kube_pod_status_ready', pod=_OURS, condition='false')} "
                    "unless on (namespace, pod) "
                    f"{here('kube_pod_status_phase', phase='Succeeded')} == 1) or vector(0)"
                ),
                thresholds=((None, "green"), (1, "red")),
            ),
            number(
                "Restarts within an hour",
                "Each lost its memory; a worker restores its state from a snapshot or the topic.",
                Query(f"sum(increase({here('kube_pod_container_status_restarts_total', pod=_OURS)}[1h]))"),
                thresholds=((None, "green"), (1, "orange"), (5, "red")),
            ),
            number(
                "Failed flow runs' jobs",
                "Kept for a day, to be looked at.",
                Query(f"sum({here('kube_job_status_failed')}) or vector(0)"),
                thresholds=((None, "green"), (1, "orange")),
            ),
            table(
                "Why containers wait or ended",
                "OOMKilled: more memory, or fewer partitions for each worker.",
                Query(
                    "sum by (pod, container, reason) ("
                    f"{here('kube_pod_container_status_waiting_reason', pod=_OURS)} > 0 "
                    f"or {here('kube_pod_container_status_last_terminated_reason', pod=_OURS)} > 0)"
                ),
                ("Value",),
                width=12,
                height=8,
            ),
        ),
    )


def _scaling() -> Row:
    return Row(
        "Scaling of serving",
        (
            lines(
                "Workers wanted, there, and at most",
                "At the most while lag grows: raise serving.autoscaling.maxReplicas, up to the partitions.",
                *(
                    Query(f"sum({here(metric, horizontalpodautoscaler='.*fraud-serving.*')})", name)
                    for metric, name in (
                        ("kube_horizontalpodautoscaler_status_desired_replicas", "wanted"),
                        ("kube_horizontalpodautoscaler_status_current_replicas", "there"),
                        ("kube_horizontalpodautoscaler_spec_max_replicas", "at most"),
                    )
                ),
                width=12,
            ),
            lines(
                "Lag and workers",
                "What the scaling follows.",
                Query(f"sum({here('fraud_lag_messages')})", "payments waiting"),
                Query(f"count({here('fraud_batch_messages_count')})", "workers"),
                width=12,
            ),
        ),
    )


def _resources() -> Row:
    asked, limit = "kube_pod_container_resource_requests", "kube_pod_container_resource_limits"
    memory = here("container_memory_working_set_bytes", **_CONTAINER)
    return Row(
        "Use of what the pods asked for",
        (
            lines(
                "Processor, by pod",
                "In cores.",
                Query(_of("container_cpu_usage_seconds_total"), "{{pod}}"),
                stacked=True,
            ),
            lines(
                "Processor against request, by pod",
                "Above 1 it takes what others leave; there is no limit that would slow it down.",
                Query(
                    f"{_of('container_cpu_usage_seconds_total')} "
                    f"/ sum by (pod) ({here(asked, **_CONTAINER, resource='cpu')})",
                    "{{pod}}",
                ),
                unit="percentunit",
            ),
            lines(
                "Memory against limit, by pod",
                "At 1 the kernel kills it.",
                Query(
                    f"sum by (pod) ({memory}) "
                    f"/ sum by (pod) ({here(limit, **_CONTAINER, resource='memory')})",
                    "{{pod}}",
                ),
                unit="percentunit",
                thresholds=((None, "green"), (0.8, "orange"), (0.95, "red")),
            ),
            lines(
                "Network, by pod",
                "Bytes received and sent in a second.",
                *(
                    Query(
                        rate(f"container_network_{way}_bytes_total", "pod", pod=_OURS), f"{{{{pod}}}} {name}"
                    )
                    for way, name in (("receive", "in"), ("transmit", "out"))
                ),
                unit="Bps",
                width=12,
            ),
            lines(
                "Volumes",
                "How full they are.",
                Query(
                    f"{here('kubelet_volume_stats_used_bytes')} "
                    f"/ {here('kubelet_volume_stats_capacity_bytes')}",
                    "{{persistentvolumeclaim}}",
                ),
                unit="percentunit",
                width=12,
                thresholds=((None, "green"), (0.8, "orange"), (0.95, "red")),
            ),
        ),
    )


def cluster() -> Board:
    """For who looks after the cluster."""
    return Board(
        "cluster",
        "Fraud: cluster",
        "Pods, their scaling and their resources, as Kubernetes reports them.",
        (_health(), _scaling(), _resources()),
    )
