{{/* Names and labels. Call with (dict "root" $ "component" "serving"). */}}
{{- define "fraud.labels" -}}
{{ include "fraud.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- define "fraud.selector" -}}
app.kubernetes.io/name: fraud
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* Where one of our images is, of any tag: (dict "root" $ "name" "serving"). */}}
{{- define "fraud.repository" -}}
{{- with .root.Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}/{{ $.name }}
{{- end -}}
{{- end }}

{{/* The image itself, called likewise. */}}
{{- define "fraud.image" -}}
{{ include "fraud.repository" . }}:{{ .root.Values.image.tag }}
{{- with index .root.Values.image.digests .name }}@{{ . }}{{ end }}
{{- end }}

{{/* Pod fields of every workload: (dict "root" $ "component" c "account" name "schedule" "system" "uid" 10001 "token" false). */}}
{{- define "fraud.pod" -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .uid | default 10001 }}
  runAsGroup: {{ .uid | default 10001 }}
  fsGroup: {{ .uid | default 10001 }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with (index .root.Values.scheduling .schedule) }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* Fields of every container. */}}
{{- define "fraud.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
{{- end }}

{{/* The settings of one of our programs: the common ones, and the secrets that they need. */}}
{{- define "fraud.environment" -}}
envFrom:
  - configMapRef: {name: fraud-settings}
{{- end }}

{{/* The file of the value `definitions`, for every container with the settings; nothing where the shipped ones are used. */}}
{{- define "fraud.definitionsFile" -}}
{{- with .Values.definitions }}/etc/fraud/definitions/{{ sha256sum . | trunc 8 }}.yaml{{ end }}
{{- end }}

{{- define "fraud.definitionsMount" -}}
{{- if .Values.definitions }}
- {name: definitions, mountPath: /etc/fraud/definitions, readOnly: true}
{{- end }}
{{- end }}

{{- define "fraud.definitionsVolume" -}}
{{- if .Values.definitions }}
- {name: definitions, projected: {sources: [{configMap: {name: fraud-definitions}}, {configMap: {name: fraud-rates, optional: true}}]}}
{{- end }}
{{- end }}

{{/* Serving's own copy, named by its content: a pod of the former revision finds its file when it restarts in a roll-out. */}}
{{- define "fraud.servingDefinitions" -}}
fraud-definitions-{{ sha256sum .Values.definitions | trunc 8 }}
{{- end }}

{{/* The same for a client of Kafka. Its identity is the Secret that its own pod mounts, see fraud.kafkaVolume. */}}
{{- define "fraud.kafkaEnvironment" -}}
envFrom:
  - configMapRef: {name: fraud-settings}
  - configMapRef: {name: fraud-kafka}
{{- end }}

{{/* How clients log in; empty without SASL. The cluster's own broker knows names and passwords. */}}
{{- define "fraud.kafkaMechanism" -}}
{{- if .Values.kafka.internal }}PLAIN{{ else if hasPrefix "SASL" .Values.kafka.securityProtocol }}{{ .Values.kafka.saslMechanism }}{{ end }}
{{- end }}

{{- define "fraud.kafkaProtocol" -}}
{{- if .Values.kafka.internal }}SASL_PLAINTEXT{{ else }}{{ .Values.kafka.securityProtocol }}{{ end }}
{{- end }}

{{/* "yes" where each identity has a Secret: of a name and a password, of a client's id and secret, or of a certificate. */}}
{{- define "fraud.kafkaSecrets" -}}
{{- if and (ne (include "fraud.kafkaProtocol" .) "PLAINTEXT") (ne (include "fraud.kafkaMechanism" .) "AWS_MSK_IAM") }}{{ if or (ne (include "fraud.kafkaProtocol" .) "SSL") .Values.kafka.clientCertificates }}yes{{ end }}{{ end }}
{{- end }}

{{- define "fraud.kafkaMount" -}}
{{- if or (include "fraud.kafkaSecrets" .) .Values.kafka.caConfigMap }}
- {name: kafka, mountPath: /etc/fraud/kafka, readOnly: true}
{{- end }}
{{- end }}

{{/* The identity of one service account, and whom it trusts: (dict "root" $ "account" name). */}}
{{- define "fraud.kafkaVolume" -}}
{{- $secrets := include "fraud.kafkaSecrets" .root }}
{{- if or $secrets .root.Values.kafka.caConfigMap }}
- name: kafka
  projected:
    defaultMode: 0440
    sources:
      {{- if $secrets }}
      - secret: {name: {{ .account }}-kafka}
      {{- end }}
      {{- with .root.Values.kafka.caConfigMap }}
      - configMap: {name: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}
      {{- end }}
{{- end }}
{{- end }}

{{/* Identities of fraud/kafka/permissions.py that this release runs, or whose jobs people run beside it: component => service account. */}}
{{- define "fraud.kafkaAccounts" -}}
{{- $accounts := dict "topics" "fraud-topics" "keda" "fraud-keda" }}
{{- range $workload, $account := .Values.serviceAccounts }}
{{- if ne $workload "mlflow" }}{{ $_ := set $accounts $workload $account }}{{ end }}
{{- end }}
{{- toJson $accounts }}
{{- end }}

{{- define "fraud.postgresMount" -}}
{{- if .Values.postgres.caConfigMap }}
- {name: postgres, mountPath: /etc/fraud/postgres, readOnly: true}
{{- end }}
{{- end }}

{{- define "fraud.postgresVolume" -}}
{{- with .Values.postgres.caConfigMap }}
- {name: postgres, configMap: {name: {{ . }}, items: [{key: ca.crt, path: ca.crt}]}}
{{- end }}
{{- end }}

{{/* The database's certificate and name are verified, whatever the secret's URI says. */}}
{{- define "fraud.postgresEnvironment" -}}
{{- if .Values.postgres.caConfigMap }}
- {name: FRAUD_CONTAINER_DATABASE_CA, value: /etc/fraud/postgres/ca.crt}
{{- end }}
{{- end }}

{{- define "fraud.secretEnvironment" -}}
{{- include "fraud.registryEnvironment" . }}
{{- include "fraud.s3Environment" . }}
{{- end }}

{{- define "fraud.registryEnvironment" -}}
{{- with .Values.schemaRegistry.existingSecret }}
- name: FRAUD_SCHEMA_REGISTRY__USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: FRAUD_SCHEMA_REGISTRY__PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- end }}

{{/* For those alone who make pseudonyms of card numbers, or look numbers up: it could find out numbers, too. */}}
{{- define "fraud.cardKeys" -}}
{{- with .Values.cards.existingSecret }}
- name: FRAUD_CARDS__KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: key}}
- name: FRAUD_CARDS__PREVIOUS_KEYS
  valueFrom: {secretKeyRef: {name: {{ . }}, key: previous-keys, optional: true}}
{{- end }}
{{- end }}

{{- define "fraud.s3Environment" -}}
{{- with include "fraud.s3Secret" . }}
{{- range $name, $key := dict "FRAUD_LAKE__S3_KEY" "access-key" "FRAUD_LAKE__S3_SECRET" "secret-key" "AWS_ACCESS_KEY_ID" "access-key" "AWS_SECRET_ACCESS_KEY" "secret-key" }}
- name: {{ $name }}
  valueFrom: {secretKeyRef: {name: {{ $.Values.s3.existingSecret | default "fraud-s3" }}, key: {{ $key }}}}
{{- end }}
{{- end }}
{{- end }}

{{- define "fraud.prefectAuth" -}}
- name: PREFECT_API_AUTH_STRING
  valueFrom: {secretKeyRef: {name: fraud-prefect, key: auth-string}}
{{- end }}

{{/* MLflow's user of a part: (dict "user" "serving"). */}}
{{- define "fraud.mlflowLogin" -}}
- {name: MLFLOW_TRACKING_USERNAME, value: {{ .user }}}
- name: MLFLOW_TRACKING_PASSWORD
  valueFrom: {secretKeyRef: {name: fraud-mlflow, key: {{ .user }}}}
{{- end }}

{{/* Who promotes and changes policies signs with the private key. */}}
{{- define "fraud.signingKey" -}}
{{- if .Values.signing.enabled }}
- {name: FRAUD_SIGNING__PRIVATE_KEY, value: /etc/fraud/signing/private}
{{- end }}
{{- end }}

{{- define "fraud.signingMount" -}}
{{- if .Values.signing.enabled }}
- {name: signing, mountPath: /etc/fraud/signing, readOnly: true}
{{- end }}
{{- end }}

{{/* The keys of a pod: (dict "root" $ "keys" (list "public")). */}}
{{- define "fraud.signingVolume" -}}
{{- if .root.Values.signing.enabled }}
- name: signing
  secret: {secretName: fraud-signing, defaultMode: 0440, items: [{{ range $index, $key := .keys }}{{ if $index }}, {{ end }}{key: {{ $key }}, path: {{ $key }}}{{ end }}]}
{{- end }}
{{- end }}

{{- define "fraud.s3Secret" -}}
{{- if .Values.s3.existingSecret }}{{ .Values.s3.existingSecret }}{{ else if .Values.s3.internal }}fraud-s3{{ end }}
{{- end }}

{{- define "fraud.bootstrapServers" -}}
{{- if .Values.kafka.internal }}fraud-kafka:9092{{ else }}{{ .Values.kafka.bootstrapServers }}{{ end }}
{{- end }}

{{/* An init container that waits and prints what is missing: (dict "root" $ "image" "serving" "needs" "kafka lake" "prefect" false). */}}
{{- define "fraud.wait" -}}
- name: wait
  image: {{ include "fraud.image" (dict "root" .root "name" .image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [python, -m, deployments.containers]
  args: [wait{{ range splitList " " .needs }}, {{ . | quote }}{{ end }}]
  {{- $kafka := contains "kafka" .needs }}
  {{- include (ternary "fraud.kafkaEnvironment" "fraud.environment" $kafka) .root | nindent 2 }}
  env:
    {{- if contains "lake" .needs }}
    {{- include "fraud.s3Environment" .root | nindent 4 }}
    {{- end }}
    {{- if .prefect }}
    {{- include "fraud.prefectAuth" .root | nindent 4 }}
    {{- end }}
    - name: FRAUD_KAFKA__REQUEST_TIMEOUT_S
      value: "5"
  terminationMessagePolicy: FallbackToLogsOnError
  {{- include "fraud.container" .root | nindent 2 }}
  resources: {requests: {cpu: 50m, memory: 256Mi}, limits: {memory: 512Mi}}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- if $kafka }}
    {{- include "fraud.kafkaMount" .root | nindent 4 }}
    {{- end }}
    {{- include "fraud.definitionsMount" .root | nindent 4 }}
{{- end }}

{{/* A Job that runs once per content: its name has a hash of its spec and settings, because a Job cannot be changed. */}}
{{- define "fraud.job" -}}
{{- $spec := include "fraud.jobSpec" . }}
apiVersion: batch/v1
kind: Job
metadata:
  name: fraud-{{ .component }}-{{ printf "%s %s %s" $spec (include "fraud.settingsOfPods" .root) (.content | default "") | sha256sum | trunc 8 }}
  labels: {{- include "fraud.labels" . | nindent 4 }}
spec: {{- $spec | nindent 2 }}
{{- end }}

{{/* With "kafka" true it has the identity of its service account. */}}
{{- define "fraud.jobSpec" -}}
{{- $root := .root -}}
backoffLimit: 3
activeDeadlineSeconds: 900
template:
  metadata:
    labels: {{- include "fraud.labels" . | nindent 6 }}
  spec:
    {{- include "fraud.pod" (merge (dict "account" (.account | default "fraud-jobs") "schedule" "system") .) | nindent 4 }}
    restartPolicy: Never
    containers:
      - name: {{ .component }}
        image: {{ include "fraud.image" (dict "root" $root "name" "flows") }}
        imagePullPolicy: {{ $root.Values.image.pullPolicy }}
        command: [python, -m]
        args: {{- toYaml .args | nindent 10 }}
        {{- include (ternary "fraud.kafkaEnvironment" "fraud.environment" (.kafka | default false)) $root | nindent 8 }}
        env:
          {{- with .env }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
          - {name: COLUMNS, value: "160"}
        terminationMessagePolicy: FallbackToLogsOnError
        {{- include "fraud.container" $root | nindent 8 }}
        resources: {requests: {cpu: 100m, memory: 384Mi}, limits: {memory: 1Gi}}
        volumeMounts:
          - {name: tmp, mountPath: /tmp}
          {{- if .kafka }}
          {{- include "fraud.kafkaMount" $root | nindent 10 }}
          {{- end }}
          {{- include "fraud.definitionsMount" $root | nindent 10 }}
          {{- with .mounts }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
    volumes:
      - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
      {{- if .kafka }}
      {{- include "fraud.kafkaVolume" (dict "root" $root "account" .account) | nindent 6 }}
      {{- end }}
      {{- include "fraud.definitionsVolume" $root | nindent 6 }}
      {{- with .volumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end }}

{{- /* Networks of proxies as JSON: nobody else's X-Forwarded-For counts. */}}
{{- define "fraud.trustedProxies" -}}
{{- .Values.ingress.trustedProxies | default .Values.ingress.loadBalancerCidrs | toJson }}
{{- end }}

{{- /* The Secret with the dashboard's first password; empty where nobody logs in with a password. */}}
{{- define "fraud.firstPasswordSecret" -}}
{{- if .Values.dashboard.passwords.existingSecret -}}{{ .Values.dashboard.passwords.existingSecret }}
{{- else if and .Values.secrets.generate (not .Values.dashboard.oidc.issuer) -}}fraud-dashboard
{{- end -}}
{{- end }}
