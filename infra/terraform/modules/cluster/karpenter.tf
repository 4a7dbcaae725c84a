# AWS resources of Karpenter: a role for its controller, a role for its nodes, and a queue that notifies it of Spot
# interruptions. The controller itself and its node pools are Kubernetes objects: see manifests.tf.

locals {
  karpenter_node_pools = "karpenter.sh/nodepool"
  owned_tag            = "kubernetes.io/cluster/${var.name}"
  ec2                  = "arn:${local.partition}:ec2:${local.region}"

  # Tags that limit Karpenter to what it created for this cluster.
  made_for_this_cluster = {
    StringEquals = {
      "aws:RequestTag/${local.owned_tag}"   = "owned"
      "aws:RequestTag/eks:eks-cluster-name" = var.name
    }
    StringLike = { "aws:RequestTag/${local.karpenter_node_pools}" = "*" }
  }
  belongs_to_this_cluster = {
    StringEquals = { "aws:ResourceTag/${local.owned_tag}" = "owned" }
    StringLike   = { "aws:ResourceTag/${local.karpenter_node_pools}" = "*" }
  }
  launched_resources = [
    for kind in ["fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request"] :
    "${local.ec2}:*:${kind}/*"
  ]

  karpenter_statements = [
    {
      Sid    = "LaunchFromSharedParts"
      Effect = "Allow"
      Action = ["ec2:RunInstances", "ec2:CreateFleet"]
      Resource = concat(
        ["${local.ec2}::image/*", "${local.ec2}::snapshot/*"],
        [for kind in ["security-group", "subnet", "capacity-reservation"] : "${local.ec2}:*:${kind}/*"],
      )
    },
    {
      Sid       = "LaunchFromItsTemplates"
      Effect    = "Allow"
      Action    = ["ec2:RunInstances", "ec2:CreateFleet"]
      Resource  = "${local.ec2}:*:launch-template/*"
      Condition = local.belongs_to_this_cluster
    },
    {
      Sid       = "LaunchForThisCluster"
      Effect    = "Allow"
      Action    = ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"]
      Resource  = local.launched_resources
      Condition = local.made_for_this_cluster
    },
    {
      Sid      = "TagWhatItLaunches"
      Effect   = "Allow"
      Action   = "ec2:CreateTags"
      Resource = local.launched_resources
      Condition = merge(local.made_for_this_cluster, {
        StringEquals = merge(local.made_for_this_cluster.StringEquals, {
          "ec2:CreateAction" = ["RunInstances", "CreateFleet", "CreateLaunchTemplate"]
        })
      })
    },
    {
      Sid      = "NameItsNodes"
      Effect   = "Allow"
      Action   = "ec2:CreateTags"
      Resource = "${local.ec2}:*:instance/*"
      Condition = merge(local.belongs_to_this_cluster, {
        StringEqualsIfExists        = { "aws:RequestTag/eks:eks-cluster-name" = var.name }
        "ForAllValues:StringEquals" = { "aws:TagKeys" = ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"] }
      })
    },
    {
      Sid       = "EndItsNodes"
      Effect    = "Allow"
      Action    = ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"]
      Resource  = ["${local.ec2}:*:instance/*", "${local.ec2}:*:launch-template/*"]
      Condition = local.belongs_to_this_cluster
    },
    {
      Sid       = "GiveNodesTheirRole"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = aws_iam_role.node.arn
      Condition = { StringEquals = { "iam:PassedToService" = "ec2.amazonaws.com" } }
    },
    {
      Sid    = "SeeWhatIsOnOffer"
      Effect = "Allow"
      Action = [
        "ec2:DescribeCapacityReservations",
        "ec2:DescribeImages",
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "ec2:DescribeInstanceTypeOfferings",
        "ec2:DescribeInstanceTypes",
        "ec2:DescribeLaunchTemplates",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSpotPriceHistory",
        "ec2:DescribeSubnets",
      ]
      Resource  = "*"
      Condition = { StringEquals = { "aws:RequestedRegion" = local.region } }
    },
    {
      Sid      = "FindNodeImages"
      Effect   = "Allow"
      Action   = "ssm:GetParameter"
      Resource = "arn:${local.partition}:ssm:${local.region}::parameter/aws/service/*"
    },
    {
      Sid      = "KnowPricesAndProfiles"
      Effect   = "Allow"
      Action   = ["pricing:GetProducts", "iam:ListInstanceProfiles"]
      Resource = "*"
    },
    {
      Sid      = "ReadItsProfile"
      Effect   = "Allow"
      Action   = "iam:GetInstanceProfile"
      Resource = aws_iam_instance_profile.karpenter.arn
    },
    {
      Sid      = "FindTheApi"
      Effect   = "Allow"
      Action   = "eks:DescribeCluster"
      Resource = local.cluster_arn
    },
    {
      Sid      = "HearOfInterruptions"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
      Resource = aws_sqs_queue.interruptions.arn
    },
  ]

  interruption_events = {
    spot      = { source = "aws.ec2", detail-type = "EC2 Spot Instance Interruption Warning" }
    rebalance = { source = "aws.ec2", detail-type = "EC2 Instance Rebalance Recommendation" }
    state     = { source = "aws.ec2", detail-type = "EC2 Instance State-change Notification" }
    health    = { source = "aws.health", detail-type = "AWS Health Event" }
  }
}

module "karpenter_role" {
  source = "../pod-role"

  name            = "${var.name}-karpenter"
  description     = "Karpenter's controller"
  cluster_name    = aws_eks_cluster.this.name
  namespace       = "kube-system"
  service_account = "karpenter"
  statements      = local.karpenter_statements
}

# The profile is made here, so that the controller needs no right to make profiles.
resource "aws_iam_instance_profile" "karpenter" {
  name = "${var.name}-karpenter"
  role = aws_iam_role.node.name
}

resource "aws_sqs_queue" "interruptions" {
  name                      = "${var.name}-interruptions"
  message_retention_seconds = 300 # a Spot warning is worth nothing after its two minutes
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "interruptions" {
  queue_url = aws_sqs_queue.interruptions.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "EventsOfThisAccount"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { ArnEquals = { "aws:SourceArn" = [for rule in aws_cloudwatch_event_rule.interruptions : rule.arn] } }
      },
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.interruptions.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_cloudwatch_event_rule" "interruptions" {
  for_each = local.interruption_events

  name        = "${var.name}-${each.key}"
  description = "Notifies Karpenter: ${each.value["detail-type"]}"
  event_pattern = jsonencode({
    source        = [each.value.source]
    "detail-type" = [each.value["detail-type"]]
  })
}

resource "aws_cloudwatch_event_target" "interruptions" {
  for_each = aws_cloudwatch_event_rule.interruptions

  rule = each.value.name
  arn  = aws_sqs_queue.interruptions.arn
}
