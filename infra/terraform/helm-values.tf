# What the chart must know of this environment. It holds no secret: only the names of secrets.

locals {
  registry = split("/${local.name}/", values(module.storage.repository_urls)[0])[0]

  kafka_values = {
    in-cluster = {}
    msk-serverless = {
      bootstrapServers  = one(module.kafka[*].bootstrap_servers)
      securityProtocol  = "SASL_SSL"
      saslMechanism     = "AWS_MSK_IAM"
      replicationFactor = 3
    }
    external = {
      bootstrapServers  = var.kafka.bootstrap_servers
      securityProtocol  = var.kafka.security_protocol
      saslMechanism     = var.kafka.sasl_mechanism
      replicationFactor = var.kafka.replication_factor
    }
  }

  # Destinations of pods outside of the cluster, as narrow as Terraform knows them.
  egress = {
    kafka         = local.msk ? module.network.isolated_cidrs : var.kafka.cidrs
    s3            = module.network.s3_cidrs
    postgres      = var.database == null ? [] : module.network.isolated_cidrs
    kubernetesApi = module.network.private_cidrs
  }

  # Each kind of work on its own nodes: see the node pools of the cluster.
  scheduling = { for workload in ["serving", "flows", "system"] : workload => {
    nodeSelector = { "fraud.workload" = workload }
    tolerations  = workload == "system" ? [] : [{ key = "fraud.workload", operator = "Equal", value = workload, effect = "NoSchedule" }]
  } }

  helm_values = {
    image = {
      registry   = local.registry
      repository = local.name
    }
    aws = {
      region      = var.region
      clusterName = module.cluster.name
    }
    lake = {
      url    = "s3://${module.storage.bucket_name}/lake"
      region = var.region
    }
    cards = { existingSecret = var.card_keys_secret }
    mlflow = {
      artifactRoot = "s3://${module.storage.bucket_name}/mlflow"
    }
    kafka = merge(
      { internal = var.kafka.kind == "in-cluster", topics = var.topics },
      local.kafka_values[var.kafka.kind],
    )
    postgres = merge(
      # RDS's authorities (docs/aws.md): certificate and name are verified.
      { internal = var.database == null, caConfigMap = var.database == null ? "" : "fraud-postgres-ca" },
      { for database in module.database : "external" => {
        host    = database.address
        port    = database.port
        secrets = database.application_secrets
      } },
    )
    # Pod Identity needs no annotation: the names alone tie a service account to its role.
    serviceAccounts = module.identity.service_accounts
    storageClasses  = { block = "gp3", shared = "efs" }
    scheduling      = local.scheduling
    ingress         = { className = "alb", loadBalancerCidrs = module.network.private_cidrs }
    networkPolicies = { egress = local.egress }
  }
}
