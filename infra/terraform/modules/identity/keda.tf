# On MSK one more client connects to Kafka: KEDA, which scales by the lag and is in a namespace of its own.

module "keda" {
  source = "../pod-role"
  count  = var.kafka_iam ? 1 : 0

  name            = "${var.name}-keda"
  description     = "KEDA's operator, which reads the lag"
  cluster_name    = var.cluster_name
  namespace       = "keda"
  service_account = "keda-operator"
  statements      = local.kafka_statements["keda"]
}
