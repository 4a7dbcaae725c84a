package peers;

/** A boosted forest of binary logistic loss. */
interface Trees {
    /** The probability of fraud of a row of features. */
    float probability(float[] row);
}
