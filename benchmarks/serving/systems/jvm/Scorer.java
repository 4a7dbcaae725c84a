package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;

/** The trees, and predictions as the engine writes them; each thread has its own. */
final class Scorer {
    private static final JsonFactory JSON = new JsonFactory();
    private final Trees trees;
    private final boolean showsFeatures;
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(512);

    /** Of the properties {@code model}, {@code trees} and, for a test, {@code features}. */
    Scorer(Properties given) {
        String model = given.getProperty("model");
        trees = given.getProperty("trees").equals("java") ? new PlainTrees(model) : new NativeTrees(model);
        showsFeatures = Boolean.parseBoolean(given.getProperty("features"));
    }

    /** The prediction of a payment as JSON, with the card's state after that payment. */
    byte[] predict(Payment payment, byte[] state) {
        float[] row = CardWindows.features(state, payment.amount());
        try {
            return encode(payment, trees.probability(row), row);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private byte[] encode(Payment payment, float chance, float[] row) throws IOException {
        bytes.reset();
        try (JsonGenerator json = JSON.createGenerator(bytes)) {
            json.writeStartObject();
            json.writeStringField("transaction_id", payment.transactionId());
            json.writeStringField("card_id", payment.cardId());
            json.writeNumberField("timestamp", payment.timestamp());
            json.writeNumberField("amount", payment.amount());
            json.writeStringField("currency", payment.currency());
            json.writeNumberField("score", chance);
            json.writeStringField("decision", chance >= 0.5f ? "review" : "approve");
            json.writeNumberField("threshold", 0.5f);
            json.writeStringField("model_name", "benchmark");
            json.writeStringField("model_version", "1");
            json.writeNumberField("feature_version", 1);
            json.writeNumberField("scored_at", System.currentTimeMillis());
            if (showsFeatures) {
                json.writeFieldName("features");
                json.writeStartArray();
                for (float value : row) {
                    json.writeNumber(value);
                }
                json.writeEndArray();
            }
            json.writeEndObject();
        }
        return bytes.toByteArray();
    }
}
