package peers;

import java.io.FileReader;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.CheckpointingOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.PipelineOptions;
import org.apache.flink.configuration.StateBackendOptions;
import org.apache.flink.configuration.StateRecoveryOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.execution.RecoveryClaimMode;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Fraud scoring in Flink, exactly once, in one process: {@code java peers.FlinkPeer FILE} reads properties. */
public final class FlinkPeer {
    private FlinkPeer() {}

    /** Scores until SIGTERM. */
    public static void main(String[] arguments) throws Exception {
        Properties given = new Properties();
        try (Reader reader = new FileReader(arguments[0])) {
            given.load(reader);
        }
        int threads = Integer.parseInt(given.getProperty("threads"));
        StreamExecutionEnvironment flink =
                StreamExecutionEnvironment.createLocalEnvironment(threads, settings(given));
        // "Controlling Latency": as long as the producers linger.
        flink.setBufferTimeout(5);
        flink.fromSource(source(given), WatermarkStrategy.noWatermarks(), "payments")
                .keyBy(Payment::cardId)
                .process(new Scoring(given))
                .returns(TypeInformation.of(Scored.class))
                .sinkTo(sink(given));
        flink.execute();
    }

    private static Configuration settings(Properties given) {
        Configuration made = new Configuration();
        // "Execution Configuration": records are never changed here, so they need no copies.
        made.set(PipelineOptions.OBJECT_REUSE, true);
        // "State Backends"; on RocksDB, "Incremental Checkpoints" are those that are fit for short intervals.
        boolean inMemory = given.getProperty("store").equals("memory");
        made.set(StateBackendOptions.STATE_BACKEND, inMemory ? "hashmap" : "rocksdb");
        made.set(CheckpointingOptions.INCREMENTAL_CHECKPOINTS, true);
        made.set(CheckpointingOptions.CHECKPOINT_STORAGE, "filesystem");
        made.set(CheckpointingOptions.CHECKPOINTS_DIRECTORY, "file://" + given.getProperty("folder"));
        // The engine's interval: predictions become visible when a checkpoint is complete.
        Duration interval = Duration.ofMillis(Long.parseLong(given.getProperty("commit_ms")));
        made.set(CheckpointingOptions.CHECKPOINTING_INTERVAL, interval);
        made.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(512));
        String checkpoint = given.getProperty("checkpoint");
        if (!checkpoint.isEmpty()) {
            // "Checkpoints", "Resuming from a retained checkpoint": claimed, the next one is not a full copy.
            made.set(StateRecoveryOptions.SAVEPOINT_PATH, checkpoint);
            made.set(StateRecoveryOptions.RESTORE_MODE, RecoveryClaimMode.CLAIM);
        }
        return made;
    }

    private static KafkaSource<Payment> source(Properties given) {
        return KafkaSource.<Payment>builder()
                .setBootstrapServers(given.getProperty("servers"))
                .setTopics(given.getProperty("input"))
                .setGroupId(given.getProperty("group"))
                .setStartingOffsets(OffsetsInitializer.earliest())
                .setValueOnlyDeserializer(new PaymentSchema())
                .setProperty("max.poll.records", "4000")
                .setProperty("partition.discovery.interval.ms", "-1")
                .build();
    }

    /** "Kafka Sink", "Fault Tolerance": pooled names keep a transaction's producer beyond its checkpoint. */
    private static KafkaSink<Scored> sink(Properties given) {
        KafkaRecordSerializationSchema<Scored> schema =
                KafkaRecordSerializationSchema.<Scored>builder()
                        .setTopic(given.getProperty("output"))
                        .setKeySerializationSchema(new KeySchema())
                        .setValueSerializationSchema(new ValueSchema())
                        .build();
        return KafkaSink.<Scored>builder()
                .setBootstrapServers(given.getProperty("servers"))
                .setRecordSerializer(schema)
                .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
                .setTransactionalIdPrefix(given.getProperty("group"))
                .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
                // The broker allows 15 minutes at most.
                .setProperty("transaction.timeout.ms", "900000")
                .setProperty("linger.ms", "5")
                .setProperty("compression.type", "lz4")
                .setProperty("batch.size", "1000000")
                .setProperty("buffer.memory", String.valueOf(128L << 20))
                .build();
    }

    /** Key and value of a prediction. */
    public record Scored(byte[] key, byte[] value) {}

    /** Classes instead of lambdas: the sink asks for their types. */
    private static final class KeySchema implements SerializationSchema<Scored> {
        private static final long serialVersionUID = 1;

        @Override
        public byte[] serialize(Scored scored) {
            return scored.key();
        }
    }

    private static final class ValueSchema implements SerializationSchema<Scored> {
        private static final long serialVersionUID = 1;

        @Override
        public byte[] serialize(Scored scored) {
            return scored.value();
        }
    }

    private static final class PaymentSchema implements DeserializationSchema<Payment> {
        private static final long serialVersionUID = 1;

        @Override
        public Payment deserialize(byte[] message) throws IOException {
            return Payment.parse(message);
        }

        @Override
        public boolean isEndOfStream(Payment next) {
            return false;
        }

        @Override
        public TypeInformation<Payment> getProducedType() {
            return TypeInformation.of(Payment.class);
        }
    }

    private static final class Scoring extends KeyedProcessFunction<String, Payment, Scored> {
        private static final long serialVersionUID = 1;
        private final Properties given;
        private transient ValueState<byte[]> card;
        private transient Scorer scorer;

        Scoring(Properties given) {
            this.given = given;
        }

        @Override
        public void open(OpenContext context) {
            card = getRuntimeContext().getState(new ValueStateDescriptor<>("card", byte[].class));
            scorer = new Scorer(given);
        }

        @Override
        public void processElement(Payment payment, Context context, Collector<Scored> out) throws IOException {
            byte[] state = CardWindows.add(card.value(), payment.timestamp(), payment.amount());
            card.update(state);
            byte[] key = payment.cardId().getBytes(StandardCharsets.UTF_8);
            out.collect(new Scored(key, scorer.predict(payment, state)));
        }
    }
}
