# MSK Serverless: no broker sizes, TLS and IAM only, reachable only from the nodes.

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:It is attached to the cluster below; the check does not know serverless clusters.
  name        = "${var.name}-kafka"
  description = "Kafka with IAM from the nodes"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  description                  = "Kafka with IAM from the nodes"
  referenced_security_group_id = var.node_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 9098
  to_port                      = 9098
}

resource "aws_msk_serverless_cluster" "this" {
  cluster_name = var.name

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.this.id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}
