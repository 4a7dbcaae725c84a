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

  # Operation and kind of resource in kafka.json => what IAM calls it.
  kafka_actions = {
    read_topic             = { sid = "Consume", kind = "topic", actions = ["DescribeTopic", "ReadData"] }
    write_topic            = { sid = "Produce", kind = "topic", actions = ["DescribeTopic", "WriteData"] }
    create_topic           = { sid = "CreateTopics", kind = "topic", actions = ["CreateTopic"] }
    describe_topic         = { sid = "DescribeTopics", kind = "topic", actions = ["DescribeTopic"] }
    describe_configs_topic = { sid = "DescribeConfigs", kind = "topic", actions = ["DescribeTopic", "DescribeTopicDynamicConfiguration"] }
    read_group             = { sid = "Group", kind = "group", actions = ["AlterGroup", "DescribeGroup"] }
    describe_group         = { sid = "DescribeGroup", kind = "group", actions = ["DescribeGroup"] }
    write_transactional_id = { sid = "Transact", kind = "transactional-id", actions = ["AlterTransactionalId", "DescribeTransactionalId"] }
  }

  kafka_statements = var.kafka_iam ? { for identity, permissions in local.on_kafka : identity => concat(
    [{
      Sid    = "Connect"
      Effect = "Allow"
      Action = concat(["kafka-cluster:Connect", "kafka-cluster:DescribeCluster"],
      contains(keys(permissions), "write_topic") ? ["kafka-cluster:WriteDataIdempotently"] : [])
      Resource = [local.kafka_arn]
    }],
    # An operation that is not in the table above fails the plan.
    [for operation, names in permissions : {
      Sid      = local.kafka_actions[operation].sid
      Effect   = "Allow"
      Action   = [for action in local.kafka_actions[operation].actions : "kafka-cluster:${action}"]
      Resource = [for name in names : "${replace(local.kafka_arn, ":cluster/", ":${local.kafka_actions[operation].kind}/")}/${name}"]
    }],
  ) } : {}

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
