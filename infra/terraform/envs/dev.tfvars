# Cheap, and made to be destroyed.
environment        = "dev"
account_id         = "111122223333"
region             = "us-east-1"
zones              = ["us-east-1a", "us-east-1b", "us-east-1c"]
disposable         = true
log_retention_days = 30
administrator_arns = ["arn:aws:iam::111122223333:role/PlatformAdministrator"]
api_allowed_cidrs  = ["203.0.113.7/32"] # this office

nat_per_zone        = false
interface_endpoints = [] # one NAT carries it
flow_log_traffic    = "REJECT"

flows_cpu_limit   = 16
serving_cpu_limit = 8

# In the cluster: Postgres (database = null) and Kafka.
kafka = { kind = "in-cluster" }

github_repository = "your-organisation/fraud-on-kafka"
