# Permissions of each workload. The policies below are generated from this table.
# Paths are prefixes of the bucket; topics, groups and transactional ids are those of Kafka, and apply to MSK only
# (elsewhere Kafka's own credentials decide).

locals {
  nothing = {
    read = [], write = [], remove = [], consume = [], produce = [], describe_configs = [], groups = [], transactional_ids = []
  }

  raw     = ["lake/transactions/", "lake/labels/", "lake/decisions/"]
  derived = ["lake/features/", "lake/profiles/", "lake/merchant_days/"]
  rates   = ["lake/rates/"]
  state   = ["lake/state/"]
  probe   = ["lake/_probe/"]
  models  = ["mlflow/"]
  topics  = var.topics
  # Those of ids and categories: one for each definitions' profiles, by their digest.
  profiles  = [local.topics.profiles, "${local.topics.profiles}.*"]
  served    = concat([local.topics.transactions, local.topics.predictions, local.topics.dead_letters], local.profiles)
  decisions = [local.topics.policies, local.topics.lists]
  ingested  = [local.topics.transactions, local.topics.labels, local.topics.predictions]
  letters   = [local.topics.dead_letters, local.topics.label_dead_letters]

  ingest = {
    read    = concat(local.raw, local.rates)
    write   = concat(local.raw, local.rates)
    remove  = local.raw # what a crash left half-written
    consume = concat(local.ingested, [local.topics.rates, local.topics.forgotten])
    produce = [local.topics.label_dead_letters, local.topics.forgotten]
    groups  = ["fraud-ingest*", "fraud-offsets*", "${local.topics.label_dead_letters}.ingest"]
    # One for each partition of the labels.
    transactional_ids = ["${local.topics.label_dead_letters}.ingest-*"]
  }
  preprocess = {
    read    = concat(local.raw, local.derived, local.rates)
    write   = local.derived
    remove  = local.derived # a day that is made again
    produce = local.profiles
  }
  trainer = {
    read    = concat(local.raw, local.derived, local.models)
    write   = local.models
    consume = [local.topics.predictions] # the scores of a champion that cannot be loaded
    groups  = ["fraud-readers*"]
  }

  workloads = { for workload, rights in {
    ingest     = local.ingest
    preprocess = local.preprocess
    trainer    = local.trainer
    # The flow that does all three in one Job, and first writes a probe to see whether it can.
    pipeline = {
      read    = distinct(concat(local.ingest.read, local.preprocess.read, local.trainer.read, local.probe, local.state))
      write   = distinct(concat(local.ingest.write, local.preprocess.write, local.trainer.write, local.probe))
      remove  = distinct(concat(local.ingest.remove, local.preprocess.remove, local.probe, local.state)) # of age
      consume = distinct(concat(local.ingest.consume, local.trainer.consume))
      produce = distinct(concat(local.ingest.produce, local.preprocess.produce))
      groups  = distinct(concat(local.ingest.groups, local.trainer.groups))

      transactional_ids = local.ingest.transactional_ids
    }
    monitor = {
      read    = concat(local.raw, local.derived, local.models)
      consume = [local.topics.predictions, local.topics.labels]
      groups  = ["fraud-monitor*"]
    }
    serving = {
      read              = concat(local.models, local.state)
      write             = local.state # snapshots of the cards' state; never a model
      remove            = local.state
      consume           = concat([local.topics.transactions, local.topics.rates], local.decisions, local.profiles)
      produce           = [local.topics.predictions, local.topics.dead_letters]
      describe_configs  = concat(local.served, [local.topics.rates], local.decisions)
      groups            = ["fraud-serving*", "fraud-profiles*"]
      transactional_ids = ["fraud-serving*"]
    }
    mlflow = {
      read = local.models # to show artifacts; the runs themselves write theirs
    }
    producer = {
      produce           = [local.topics.transactions, local.topics.labels]
      describe_configs  = [local.topics.transactions, local.topics.labels]
      transactional_ids = ["fraud-producer*"]
    }
    # Puts dead letters back, and those that it leaves to their own topic.
    redrive = {
      consume           = local.letters
      produce           = concat([local.topics.transactions, local.topics.labels], local.letters)
      describe_configs  = [local.topics.transactions, local.topics.labels]
      groups            = [for topic in local.letters : "${topic}.redrive"]
      transactional_ids = [for topic in local.letters : "${topic}.redrive"]
    }
    dashboard = {
      consume = concat([local.topics.predictions, local.topics.labels, local.topics.forgotten], local.decisions)
      # Reviews, as labels and as events; the audit; entries of lists, changes of policies.
      produce = concat([local.topics.labels, local.topics.reviews, local.topics.audit], local.decisions)
      groups  = ["fraud-dashboard*", "fraud-readers*"]
    }
    gateway = {
      consume = [local.topics.predictions, local.topics.dead_letters, local.topics.gateway_events]
      produce = [local.topics.transactions, local.topics.labels, local.topics.gateway_events]
      groups  = ["fraud-readers*"]
    }
    # Sends decisions to a user's own addresses.
    webhooks = {
      consume = [local.topics.predictions]
      produce = [local.topics.webhook_dead_letters]
      groups  = ["fraud-webhooks-*"]
    }
    # A pipeline that applies policies and lists from git.
    policies = {
      read    = concat(local.raw, local.derived, local.rates)
      consume = concat(local.decisions, [local.topics.predictions])
      produce = local.decisions
      groups  = ["fraud-readers*"]
    }
  } : workload => merge(local.nothing, rights) }
}
