package peers;

import ml.dmlc.xgboost4j.java.Booster;
import ml.dmlc.xgboost4j.java.XGBoost;
import ml.dmlc.xgboost4j.java.XGBoostError;

/** The trees by xgboost4j. */
final class NativeTrees implements Trees {
    private final Booster booster;

    NativeTrees(String model) {
        try {
            booster = XGBoost.loadModel(model);
            // A row is too little work to be shared among threads; the systems have their own.
            booster.setParam("nthread", 1);
        } catch (XGBoostError error) {
            throw new IllegalStateException(error);
        }
    }

    /** Without a DMatrix, as XGBoost's manual advises: "Prediction", "In-place Prediction". */
    @Override
    public float probability(float[] row) {
        try {
            return booster.inplace_predict(row, 1, row.length, Float.NaN)[0][0];
        } catch (XGBoostError error) {
            throw new IllegalStateException(error);
        }
    }
}
