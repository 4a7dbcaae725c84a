package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;

/** What the windows and the prediction need of a payment; amounts are in cents. */
public record Payment(String transactionId, String cardId, long timestamp, long amount, String currency) {
    private static final JsonFactory JSON = new JsonFactory();

    /** Reads the payment with Jackson's streaming parser, its fastest; other members are skipped. */
    public static Payment parse(byte[] message) throws IOException {
        String transactionId = null;
        String cardId = null;
        String currency = null;
        long timestamp = 0;
        long amount = 0;
        try (JsonParser parser = JSON.createParser(message)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                switch (name) {
                    case "transaction_id" -> transactionId = parser.getText();
                    case "card_id" -> cardId = parser.getText();
                    case "currency" -> currency = parser.getText();
                    case "timestamp" -> timestamp = parser.getLongValue();
                    case "amount" -> amount = new BigDecimal(parser.getText()).movePointRight(2).longValueExact();
                    default -> parser.skipChildren();
                }
            }
        }
        return new Payment(transactionId, cardId, timestamp, amount, currency);
    }
}
