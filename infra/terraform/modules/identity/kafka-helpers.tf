# On MSK, two more clients connect to Kafka: the job that creates the topics, and KEDA, which scales by the lag.

locals {
  kafka_topic_arns = [for topic in distinct(concat(values(var.topics), local.profiles)) : "${replace(local.kafka_arn, ":cluster/", ":topic/")}/${topic}"]
  kafka_group_arn  = "${replace(local.kafka_arn, ":cluster/", ":group/")}/fraud-*"

  topics_statements = [
    {
      Sid      = "Connect"
      Effect   = "Allow"
      Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
      Resource = [local.kafka_arn]
    },
    {
      Sid    = "MakeTopics"
      Effect = "Allow"
      Action = [
        "kafka-cluster:CreateTopic",
        "kafka-cluster:DescribeTopic",
        "kafka-cluster:AlterTopic",
        "kafka-cluster:DescribeTopicDynamicConfiguration",
        "kafka-cluster:AlterTopicDynamicConfiguration",
      ]
      Resource = local.kafka_topic_arns
    },
  ]

  keda_statements = [
    {
      Sid      = "Connect"
      Effect   = "Allow"
      Action   = ["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"]
      Resource = [local.kafka_arn]
    },
    {
      Sid      = "ReadLag"
      Effect   = "Allow"
      Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeGroup"]
      Resource = concat(local.kafka_topic_arns, [local.kafka_group_arn])
    },
  ]
}

module "topics" {
  source = "../pod-role"
  count  = var.kafka_iam ? 1 : 0

  name            = "${var.name}-topics"
  description     = "The job that makes the topics"
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = "${var.service_account_prefix}topics"
  statements      = local.topics_statements
}

module "keda" {
  source = "../pod-role"
  count  = var.kafka_iam ? 1 : 0

  name            = "${var.name}-keda"
  description     = "KEDA's operator, which reads the lag"
  cluster_name    = var.cluster_name
  namespace       = "keda"
  service_account = "keda-operator"
  statements      = local.keda_statements
}
