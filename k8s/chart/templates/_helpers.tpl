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

{{/* One of our images: (dict "root" $ "name" "serving"). */}}
{{- define "fraud.image" -}}
{{- with .root.Values.image -}}
{{- with .registry }}{{ . }}/{{ end }}{{ .repository }}/{{ $.name }}:{{ .tag }}
{{- with index .digests $.name }}@{{ . }}{{ end }}
{{- end -}}
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

{{- define "fraud.secretEnvironment" -}}
{{- with .Values.kafka.existingSecret }}
- name: FRAUD_KAFKA__SASL_USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: FRAUD_KAFKA__SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- with .Values.schemaRegistry.existingSecret }}
- name: FRAUD_SCHEMA_REGISTRY__USERNAME
  valueFrom: {secretKeyRef: {name: {{ . }}, key: username}}
- name: FRAUD_SCHEMA_REGISTRY__PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- include "fraud.s3Environment" . }}
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

{{/* An init container that waits and prints what is missing: (dict "root" $ "image" "serving" "needs" "topics lake" "prefect" false). */}}
{{- define "fraud.wait" -}}
- name: wait
  image: {{ include "fraud.image" (dict "root" .root "name" .image) }}
  imagePullPolicy: {{ .root.Values.image.pullPolicy }}
  command: [python, -m, deployments.containers]
  args: [wait{{ range splitList " " .needs }}, {{ . | quote }}{{ end }}]
  {{- include "fraud.environment" .root | nindent 2 }}
  env:
    {{- include "fraud.secretEnvironment" .root | nindent 4 }}
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
    {{- include "fraud.definitionsMount" .root | nindent 4 }}
{{- end }}

{{/* A Job that runs once per content: its name has a hash of its spec and settings, because a Job cannot be changed. */}}
{{- define "fraud.job" -}}
{{- $spec := include "fraud.jobSpec" . }}
apiVersion: batch/v1
kind: Job
metadata:
  name: fraud-{{ .component }}-{{ printf "%s %s %s" $spec (include "fraud.settingsData" .root) (.content | default "") | sha256sum | trunc 8 }}
  labels: {{- include "fraud.labels" . | nindent 4 }}
spec: {{- $spec | nindent 2 }}
{{- end }}

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
        {{- include "fraud.environment" $root | nindent 8 }}
        env:
          {{- include "fraud.secretEnvironment" $root | nindent 10 }}
          {{- with .env }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
          - {name: COLUMNS, value: "160"}
        terminationMessagePolicy: FallbackToLogsOnError
        {{- include "fraud.container" $root | nindent 8 }}
        resources: {requests: {cpu: 100m, memory: 384Mi}, limits: {memory: 1Gi}}
        volumeMounts:
          - {name: tmp, mountPath: /tmp}
          {{- include "fraud.definitionsMount" $root | nindent 10 }}
          {{- with .mounts }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
    volumes:
      - {name: tmp, emptyDir: {sizeLimit: 1Gi}}
      {{- include "fraud.definitionsVolume" $root | nindent 6 }}
      {{- with .volumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end }}

{{- /* Networks of proxies as JSON: nobody else's X-Forwarded-For counts. */}}
{{- define "fraud.trustedProxies" -}}
{{- .Values.ingress.trustedProxies | default (list .Values.ingress.loadBalancerCidr) | toJson }}
{{- end }}

{{- /* The Secret with the dashboard's first password; empty where nobody logs in with a password. */}}
{{- define "fraud.firstPasswordSecret" -}}
{{- if .Values.dashboard.passwords.existingSecret -}}{{ .Values.dashboard.passwords.existingSecret }}
{{- else if and .Values.secrets.generate (not .Values.dashboard.oidc.issuer) -}}fraud-dashboard
{{- end -}}
{{- end }}
