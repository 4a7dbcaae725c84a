# One role per service account, written from the table in access.tf.

locals {
  storing = { for workload, rights in local.workloads : workload => rights if length(rights.read) + length(rights.write) > 0 }

  s3_statements = { for workload, rights in local.storing : workload => [
    for statement in [
      {
        Sid      = "List"
        Effect   = "Allow"
        Action   = ["s3:ListBucket"]
        Resource = [var.bucket_arn]
        Condition = { StringLike = { "s3:prefix" = distinct(flatten([
          # The roots too: a client asks whether `lake` is there before it asks for what is in it.
          for prefix in concat(rights.read, rights.write) :
          [split("/", prefix)[0], "${split("/", prefix)[0]}/", trimsuffix(prefix, "/"), "${prefix}*"]
        ])) } }
      },
      {
        Sid      = "Read"
        Effect   = "Allow"
        Action   = ["s3:GetObject"]
        Resource = [for prefix in rights.read : "${var.bucket_arn}/${prefix}*"]
      },
      {
        Sid      = "Write"
        Effect   = "Allow"
        Action   = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
        Resource = [for prefix in rights.write : "${var.bucket_arn}/${prefix}*"]
      },
      {
        Sid      = "Remove" # the bucket keeps old versions, and nobody here may delete those
        Effect   = "Allow"
        Action   = ["s3:DeleteObject"]
        Resource = [for prefix in rights.remove : "${var.bucket_arn}/${prefix}*"]
      },
      {
        Sid       = "Decrypt"
        Effect    = "Allow"
        Action    = length(rights.write) > 0 ? ["kms:Decrypt", "kms:GenerateDataKey"] : ["kms:Decrypt"]
        Resource  = [var.storage_key_arn]
        Condition = { StringEquals = { "kms:ViaService" = "s3.${local.region}.amazonaws.com" } }
      },
    ] : statement if length(statement.Resource) > 0
  ] }

  # arn:...:cluster/NAME/UUID, of which topics, groups and ids have the same tail.
  kafka_arn = var.kafka_cluster_arn == null ? "" : var.kafka_cluster_arn

  kafka_statements = { for workload, rights in local.workloads : workload => [
    for statement in [
      {
        Sid      = "Connect"
        Action   = concat(["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"], length(rights.produce) > 0 ? ["kafka-cluster:WriteDataIdempotently"] : [])
        Resource = [local.kafka_arn]
      },
      {
        Sid      = "Consume"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"]
        Resource = [for topic in rights.consume : "${replace(local.kafka_arn, ":cluster/", ":topic/")}/${topic}"]
      },
      {
        Sid      = "Produce"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"]
        Resource = [for topic in rights.produce : "${replace(local.kafka_arn, ":cluster/", ":topic/")}/${topic}"]
      },
      {
        Sid      = "DescribeConfigs"
        Action   = ["kafka-cluster:DescribeTopic", "kafka-cluster:DescribeTopicDynamicConfiguration"]
        Resource = [for topic in rights.describe_configs : "${replace(local.kafka_arn, ":cluster/", ":topic/")}/${topic}"]
      },
      {
        Sid      = "Group"
        Action   = ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"]
        Resource = [for group in rights.groups : "${replace(local.kafka_arn, ":cluster/", ":group/")}/${group}"]
      },
      {
        Sid      = "Transact"
        Action   = ["kafka-cluster:AlterTransactionalId", "kafka-cluster:DescribeTransactionalId"]
        Resource = [for id in rights.transactional_ids : "${replace(local.kafka_arn, ":cluster/", ":transactional-id/")}/${id}"]
      },
    ] : merge({ Effect = "Allow" }, statement) if length(statement.Resource) > 0
  ] if var.kafka_iam && length(rights.consume) + length(rights.produce) > 0 }

  # Workloads that use neither storage nor MSK get no role.
  pod_statements = { for workload, rights in local.workloads : workload =>
    concat(try(local.s3_statements[workload], []), try(local.kafka_statements[workload], []))
    if contains(keys(local.storing), workload) || var.kafka_iam
  }
}

module "pod" {
  source   = "../pod-role"
  for_each = local.pod_statements

  name            = "${var.name}-${each.key}"
  description     = "Service account ${var.service_account_prefix}${each.key}"
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = "${var.service_account_prefix}${each.key}"
  statements      = each.value
}
