package peers;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * A card's payments of 30 days, and exact sliding windows over them that end with the newest one.
 *
 * <p>The state is one value of bytes, a time and an amount for each payment, the oldest first: what the stores
 * of both systems keep anyway, so nothing is encoded or decoded around a call.
 */
final class CardWindows {
    static final int FEATURES = 21;
    private static final long HOUR = 3_600_000;
    private static final long[] LENGTHS = {HOUR / 6, HOUR, 24 * HOUR, 7 * 24 * HOUR, 30 * 24 * HOUR};
    private static final long LONGEST = LENGTHS[LENGTHS.length - 1];
    private static final int SIZE = 16;
    private static final byte[] EMPTY = {};
    private static final VarHandle LONG =
            MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private CardWindows() {}

    /** The state with a payment more and without those that have left the longest window. */
    static byte[] add(byte[] known, long timestamp, long amount) {
        byte[] state = known == null ? EMPTY : known;
        int count = state.length / SIZE;
        long newest = count == 0 ? timestamp : Math.max(timestamp, time(state, count - 1));
        int first = 0;
        while (first < count && newest - time(state, first) >= LONGEST) {
            first++;
        }
        if (newest - timestamp >= LONGEST) {
            return Arrays.copyOfRange(state, first * SIZE, state.length);
        }
        int place = count;
        while (place > first && time(state, place - 1) > timestamp) {
            place--;
        }
        byte[] made = new byte[(count - first + 1) * SIZE];
        System.arraycopy(state, first * SIZE, made, 0, (place - first) * SIZE);
        System.arraycopy(state, place * SIZE, made, (place - first + 1) * SIZE, (count - place) * SIZE);
        LONG.set(made, (place - first) * SIZE, timestamp);
        LONG.set(made, (place - first) * SIZE + 8, amount);
        return made;
    }

    /** In cents the amount, then count, sum, mean and maximum of each window; one pass from the newest payment on. */
    static float[] features(byte[] state, long amount) {
        float[] row = new float[FEATURES];
        row[0] = amount;
        int at = state.length / SIZE - 1;
        long newest = at < 0 ? 0 : time(state, at);
        long count = 0;
        long sum = 0;
        long largest = Long.MIN_VALUE;
        int column = 1;
        for (long length : LENGTHS) {
            for (; at >= 0 && newest - time(state, at) < length; at--) {
                long paid = (long) LONG.get(state, at * SIZE + 8);
                count++;
                sum += paid;
                largest = Math.max(largest, paid);
            }
            row[column++] = count;
            row[column++] = sum;
            row[column++] = (float) ((double) sum / count);
            row[column++] = largest;
        }
        return row;
    }

    private static long time(byte[] state, int number) {
        return (long) LONG.get(state, number * SIZE);
    }
}
