# Who may do what: read back from the policies as they are applied, not from the table that they are written from.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                     = "fraud-test"
  cluster_name             = "fraud-test"
  cluster_arn              = "arn:aws:eks:us-east-1:111122223333:cluster/fraud-test"
  namespace                = "fraud"
  deployers_group          = "fraud:deployers"
  bucket_arn               = "arn:aws:s3:::lake"
  storage_key_arn          = "arn:aws:kms:us-east-1:111122223333:key/storage"
  repository_arns          = ["arn:aws:ecr:us-east-1:111122223333:repository/fraud-test/serving"]
  kafka_iam                = false
  kafka_cluster_arn        = null
  github_repository        = "acme/fraud"
  github_environment       = "test"
  github_oidc_provider_arn = null
  topics = {
    transactions         = "transactions"
    labels               = "fraud_labels"
    predictions          = "fraud_predictions"
    profiles             = "merchant_profiles"
    rates                = "currency_rates"
    policies             = "fraud_policies"
    lists                = "fraud_lists"
    forgotten            = "fraud_forgotten"
    reviews              = "fraud_reviews"
    audit                = "fraud_audit"
    gateway_events       = "fraud_gateway_events"
    webhook_dead_letters = "fraud_webhooks.dlq"
    dead_letters         = "transactions.dlq"
    label_dead_letters   = "fraud_labels.dlq"
  }
}

run "storage_rights" {
  module {
    source = "./modules/identity"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["serving"] : s.Resource if contains(["Write", "Remove"], s.Sid)])) == toset(["arn:aws:s3:::lake/lake/state/*"])
    error_message = "serving writes snapshots of its state, and neither models nor what models are learnt from"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["serving"] : s.Resource if s.Sid == "Read"])) == toset(["arn:aws:s3:::lake/mlflow/*", "arn:aws:s3:::lake/lake/state/*"])
    error_message = "serving reads models and its snapshots"
  }

  assert {
    condition = toset([for workload, statements in output.statements : workload
    if contains(flatten([for s in statements : s.Resource if s.Sid == "Write"]), "arn:aws:s3:::lake/mlflow/*")]) == toset(["trainer", "pipeline"])
    error_message = "only those who train write models"
  }

  assert {
    condition     = flatten([for s in output.statements["monitor"] : s.Action if s.Sid == "Decrypt"]) == ["kms:Decrypt"]
    error_message = "who does not write needs no new data keys"
  }

  assert {
    condition     = flatten([for s in output.statements["trainer"] : s.Resource if s.Sid == "Write"]) == ["arn:aws:s3:::lake/mlflow/*"]
    error_message = "the trainer writes models, and not the lake that it learns from"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["ingest"] : s.Resource if s.Sid == "Write"])) == toset([for folder in ["transactions", "labels", "decisions", "rates"] : "arn:aws:s3:::lake/lake/${folder}/*"])
    error_message = "ingest writes raw events and the rates that it used"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["preprocess"] : s.Resource if contains(["Write", "Remove"], s.Sid)])) == toset(["arn:aws:s3:::lake/lake/features/*", "arn:aws:s3:::lake/lake/profiles/*", "arn:aws:s3:::lake/lake/merchant_days/*"])
    error_message = "preprocess writes and replaces what it derives, and leaves the raw events alone"
  }

  assert {
    condition = alltrue([
      for workload, statements in output.statements : alltrue([
        for s in statements : !contains(["Write", "Remove"], s.Sid)
      ]) if contains(["monitor", "mlflow"], workload)
    ])
    error_message = "monitor and the MLflow server only read"
  }

  assert {
    condition     = length([for s in flatten(values(output.statements)) : s if length(regexall("\\*$", join(" ", flatten([s.Action])))) > 0 || contains(flatten([s.Resource]), "*")]) == 0
    error_message = "no workload has a wildcard action or every resource"
  }

  assert {
    condition     = length([for s in flatten(values(output.statements)) : s if contains(flatten([s.Action]), "s3:DeleteObjectVersion")]) == 0
    error_message = "nobody may delete old versions: they are what a mistake is undone with"
  }

  assert {
    condition     = !contains(keys(output.role_arns), "producer") && !contains(keys(output.role_arns), "dashboard")
    error_message = "who uses nothing of AWS gets no role"
  }
}

run "each_role_belongs_to_one_service_account" {
  module {
    source = "./modules/identity"
  }

  assert {
    condition = alltrue([
      for workload, trust in output.trust : trust.Statement[0].Condition.StringEquals == {
        "aws:SourceAccount"                         = "111122223333"
        "aws:RequestTag/eks-cluster-name"           = "fraud-test"
        "aws:RequestTag/kubernetes-namespace"       = "fraud"
        "aws:RequestTag/kubernetes-service-account" = "fraud-${workload}"
      }
    ])
    error_message = "a role can be had by its own service account in this namespace of this cluster only"
  }
}

run "kafka_rights_on_msk" {
  module {
    source = "./modules/identity"
  }

  variables {
    kafka_iam         = true
    kafka_cluster_arn = "arn:aws:kafka:us-east-1:111122223333:cluster/fraud-test/uuid"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["serving"] : s.Resource if s.Sid == "Produce"])) == toset(["arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_predictions", "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/transactions.dlq"])
    error_message = "serving writes predictions and dead letters"
  }

  assert {
    condition     = !contains(flatten([for s in output.statements["serving"] : s.Resource if s.Sid == "Consume"]), "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_labels")
    error_message = "serving never reads labels: two topics have no common order"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["ingest"] : s.Resource if contains(["Produce", "Transact"], s.Sid)])) == toset(["arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_labels.dlq", "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_forgotten", "arn:aws:kafka:us-east-1:111122223333:transactional-id/fraud-test/uuid/fraud_labels.dlq.ingest-*"])
    error_message = "ingest writes the labels' dead letters, in transactions, takes off what was forgotten, and writes nothing else"
  }

  assert {
    condition     = length([for s in output.statements["pipeline"] : s if s.Sid == "Transact"]) == 1
    error_message = "the pipeline ingests, and so sends labels' dead letters in transactions"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["redrive"] : s.Resource if s.Sid == "Produce"])) == toset([for topic in ["transactions", "fraud_labels", "transactions.dlq", "fraud_labels.dlq"] : "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/${topic}"])
    error_message = "redrive puts both kinds of dead letters back, and those that it leaves"
  }

  assert {
    condition = toset([for workload, statements in output.statements : workload
    if contains(flatten([for s in statements : s.Resource if s.Sid == "Produce"]), "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_policies")]) == toset(["dashboard", "policies"])
    error_message = "only people, by the dashboard, and the pipeline that applies policies change them; serving reads"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["gateway"] : s.Resource if s.Sid == "Produce"])) == toset([for topic in ["transactions", "fraud_labels", "fraud_gateway_events"] : "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/${topic}"])
    error_message = "the gateway sends payments, reviews and its own events, and never a prediction"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["webhooks"] : s.Resource if s.Sid == "Produce"])) == toset(["arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_webhooks.dlq"])
    error_message = "webhooks read decisions, and write nothing but what they give up"
  }

  assert {
    condition     = length([for s in output.statements["serving"] : s if s.Sid == "Transact"]) == 1
    error_message = "exactly-once needs the transactional id"
  }

  assert {
    condition     = toset(flatten([for s in output.statements["producer"] : s.Resource if s.Sid == "Produce"])) == toset(["arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/transactions", "arn:aws:kafka:us-east-1:111122223333:topic/fraud-test/uuid/fraud_labels"])
    error_message = "the producer writes transactions and labels"
  }

  assert {
    condition     = [for workload, statements in output.statements : workload if contains(flatten([for s in statements : s.Action]), "kafka-cluster:CreateTopic")] == ["topics"]
    error_message = "only the job that makes the topics may make topics"
  }

  assert {
    condition     = length(setintersection(flatten([for s in output.statements["topics"] : s.Action]), ["kafka-cluster:ReadData", "kafka-cluster:WriteData"])) == 0
    error_message = "the job that makes the topics reads and writes none of them"
  }

  assert {
    condition     = toset(flatten([for s in module.keda[0].statements : s.Action])) == toset([for action in ["Connect", "DescribeCluster", "DescribeTopic", "DescribeGroup"] : "kafka-cluster:${action}"])
    error_message = "KEDA compares offsets and reads no message"
  }
}

run "the_deploy_role_pushes_and_deploys_and_nothing_else" {
  module {
    source = "./modules/identity"
  }

  assert {
    condition     = toset([for s in output.deploy_statements : split(":", flatten([s.Action])[0])[0]]) == toset(["ecr", "eks"])
    error_message = "the workflow has to do with images and the cluster alone"
  }

  assert {
    condition     = flatten([for s in output.deploy_statements : s.Action if s.Sid == "FindTheCluster"]) == ["eks:DescribeCluster"]
    error_message = "in EKS it may look the cluster up, and change nothing"
  }

  assert {
    condition     = toset(flatten([for s in output.deploy_statements : s.Resource if s.Sid == "PushImages"])) == toset(var.repository_arns)
    error_message = "it pushes to this environment's repositories only"
  }

  assert {
    condition     = length([for s in output.deploy_statements : s if length(regexall("Delete", join(" ", flatten([s.Action])))) > 0]) == 0
    error_message = "it deletes no image"
  }

  assert {
    condition     = jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:acme/fraud:environment:test"
    error_message = "only jobs of this repository's environment may have the role"
  }

  assert {
    condition     = aws_eks_access_policy_association.deploy[0].access_scope[0].type == "namespace" && toset(aws_eks_access_policy_association.deploy[0].access_scope[0].namespaces) == toset(["fraud"])
    error_message = "in the cluster it acts in one namespace"
  }
}

run "an_existing_github_provider_is_used" {
  module {
    source = "./modules/identity"
  }

  variables {
    github_oidc_provider_arn = "arn:aws:iam::111122223333:oidc-provider/given"
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.github) == 0 && jsondecode(aws_iam_role.deploy[0].assume_role_policy).Statement[0].Principal.Federated == "arn:aws:iam::111122223333:oidc-provider/given"
    error_message = "an account can have only one provider for GitHub"
  }
}
