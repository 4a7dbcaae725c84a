package peers;

import java.io.FileReader;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.FixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyProcessorContext;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** Fraud scoring in Kafka Streams, exactly once: {@code java peers.StreamsPeer FILE} reads properties. */
public final class StreamsPeer {
    private static final String CARDS = "cards";

    private StreamsPeer() {}

    /** Scores until SIGTERM. */
    public static void main(String[] arguments) throws Exception {
        Properties given = new Properties();
        try (Reader reader = new FileReader(arguments[0])) {
            given.load(reader);
        }
        CountDownLatch ended = new CountDownLatch(1);
        try (KafkaStreams streams = new KafkaStreams(topology(given), settings(given))) {
            streams.setUncaughtExceptionHandler(
                    error -> {
                        error.printStackTrace();
                        Runtime.getRuntime().halt(1);
                        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
                    });
            // A member that stays in the group is waited for by the next one, for its session's 45 s.
            CloseOptions leaving =
                    CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
            Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(leaving)));
            streams.start();
            ended.await();
        }
    }

    private static Topology topology(Properties given) {
        StreamsBuilder builder = new StreamsBuilder();
        builder.addStateStore(store(given));
        builder.stream(given.getProperty("input"), Consumed.with(Serdes.Bytes(), Serdes.ByteArray()))
                .processValues(() -> new Scoring(given), CARDS)
                .to(given.getProperty("output"), Produced.with(Serdes.Bytes(), Serdes.ByteArray()));
        return builder.build();
    }

    /** Both kinds have a changelog, without which a store would be lost with its machine. */
    private static StoreBuilder<KeyValueStore<Bytes, byte[]>> store(Properties given) {
        if (given.getProperty("store").equals("memory")) {
            return Stores.keyValueStoreBuilder(
                    Stores.inMemoryKeyValueStore(CARDS), Serdes.Bytes(), Serdes.ByteArray());
        }
        // "Memory Management", "Record caches in the Processor API": fewer writes to RocksDB and its changelog.
        return Stores.keyValueStoreBuilder(
                        Stores.persistentKeyValueStore(CARDS), Serdes.Bytes(), Serdes.ByteArray())
                .withCachingEnabled();
    }

    private static Properties settings(Properties given) {
        Properties made = new Properties();
        made.put(StreamsConfig.APPLICATION_ID_CONFIG, given.get("group"));
        made.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, given.get("servers"));
        made.put(StreamsConfig.STATE_DIR_CONFIG, given.get("folder"));
        made.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        // The engine's interval; the default of exactly once is 100 ms ("Configuring a Streams Application").
        made.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, given.get("commit_ms"));
        // "num.stream.threads": one for each core.
        made.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, given.get("threads"));
        // "Memory Management", "Record caches": room for the states of all cards between two commits.
        made.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 256L << 20);
        made.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        made.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        // "Kafka consumers and producer configuration parameters": batches as the engine's clients have them.
        made.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 4_000);
        made.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 5);
        made.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
        made.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 1_000_000);
        made.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L << 20);
        return made;
    }

    private static final class Scoring implements FixedKeyProcessor<Bytes, byte[], byte[]> {
        private final Properties given;
        private FixedKeyProcessorContext<Bytes, byte[]> context;
        private KeyValueStore<Bytes, byte[]> cards;
        private Scorer scorer;

        Scoring(Properties given) {
            this.given = given;
        }

        @Override
        public void init(FixedKeyProcessorContext<Bytes, byte[]> context) {
            this.context = context;
            cards = context.getStateStore(CARDS);
            scorer = new Scorer(given);
        }

        @Override
        public void process(FixedKeyRecord<Bytes, byte[]> record) {
            Payment payment = parse(record.value());
            byte[] state = CardWindows.add(cards.get(record.key()), payment.timestamp(), payment.amount());
            cards.put(record.key(), state);
            context.forward(record.withValue(scorer.predict(payment, state)));
        }

        private static Payment parse(byte[] message) {
            try {
                return Payment.parse(message);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }
    }
}
