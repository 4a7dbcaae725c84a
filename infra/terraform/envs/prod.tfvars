# Three of everything, nothing that a `destroy` could take.
environment        = "prod"
account_id         = "444455556666"
region             = "us-east-1"
zones              = ["us-east-1a", "us-east-1b", "us-east-1c"]
administrator_arns = ["arn:aws:iam::444455556666:role/PlatformAdministrator"]
viewer_arns        = ["arn:aws:iam::444455556666:role/OnCall"]
api_allowed_cidrs  = []              # private
api_private_cidrs  = ["10.8.0.0/24"] # the VPN of administrators, and the runners

node_image_release = "1.35.0-20260114" # look up the newest one before the first apply: docs/aws.md

flows_cpu_limit   = 64
serving_cpu_limit = 32

database = {
  instance_class = "db.m7g.large"
  storage_gib    = 50
  multi_az       = true
  backup_days    = 30
}

# Confluent Cloud or any other. For MSK: kafka = { kind = "msk-serverless" }
kafka = {
  kind              = "external"
  bootstrap_servers = "pkc-example.us-east-1.aws.confluent.cloud:9092"
  cidrs             = ["198.51.100.0/24"] # of its private link, or as the provider publishes them
}

github_repository = "your-organisation/fraud-on-kafka"
