# Permissions of each workload in the bucket. The policies are generated from this table; what each may do on Kafka is kafka.json,
# which `make kafka-permissions` writes from the application's own table and which applies to MSK only (elsewhere Kafka's ACLs decide).
# Paths are prefixes of the bucket.

locals {
  nothing = { read = [], write = [], remove = [] }

  raw     = ["lake/transactions/", "lake/labels/", "lake/decisions/"]
  derived = ["lake/features/", "lake/profiles/", "lake/merchant_days/"]
  rates   = ["lake/rates/"]
  state   = ["lake/state/"]
  probe   = ["lake/_probe/"]
  models  = ["mlflow/"]

  ingest = {
    read   = concat(local.raw, local.rates)
    write  = concat(local.raw, local.rates)
    remove = local.raw # what a crash left half-written
  }
  preprocess = {
    read   = concat(local.raw, local.derived, local.rates)
    write  = local.derived
    remove = local.derived # a day that is made again
  }
  trainer = {
    read  = concat(local.raw, local.derived, local.models)
    write = local.models
  }

  stored = {
    ingest     = local.ingest
    preprocess = local.preprocess
    trainer    = local.trainer
    # The flow that does all three in one Job, and first writes a probe to see whether it can.
    pipeline = {
      read   = distinct(concat(local.ingest.read, local.preprocess.read, local.trainer.read, local.probe, local.state))
      write  = distinct(concat(local.ingest.write, local.preprocess.write, local.trainer.write, local.probe))
      remove = distinct(concat(local.ingest.remove, local.preprocess.remove, local.probe, local.state)) # of age
    }
    monitor = {
      read = concat(local.raw, local.derived, local.models)
    }
    serving = {
      read   = concat(local.models, local.state)
      write  = local.state # snapshots of the cards' state; never a model
      remove = local.state
    }
    mlflow = {
      read = local.models # to show artifacts; the runs themselves write theirs
    }
    # A pipeline that applies policies and lists from git.
    policies = {
      read = concat(local.raw, local.derived, local.rates)
    }
  }

  # KEDA is not in this namespace: see keda.tf.
  on_kafka  = jsondecode(templatefile("${path.module}/kafka.json", var.topics))
  clients   = { for identity, permissions in local.on_kafka : identity => permissions if identity != "keda" }
  workloads = { for workload in setunion(keys(local.stored), keys(local.clients)) : workload => merge(local.nothing, try(local.stored[workload], {})) }
}
