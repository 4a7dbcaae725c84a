package peers;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** The trees of XGBoost's JSON model, walked in plain Java; rows without missing values. */
final class PlainTrees implements Trees {
    private final float margin;
    private final List<Tree> trees = new ArrayList<>();

    /** A node's children, feature and threshold; a leaf has no left child and its value as threshold. */
    private record Tree(int[] left, int[] right, int[] feature, float[] threshold) {
        float value(float[] row) {
            int node = 0;
            while (left[node] >= 0) {
                node = row[feature[node]] < threshold[node] ? left[node] : right[node];
            }
            return threshold[node];
        }
    }

    PlainTrees(String model) {
        JsonNode learner = read(model).get("learner");
        String base = learner.at("/learner_model_param/base_score").asText().replaceAll("[\\[\\]]", "");
        double chance = Double.parseDouble(base);
        margin = (float) Math.log(chance / (1 - chance));
        for (JsonNode tree : learner.at("/gradient_booster/model/trees")) {
            trees.add(
                    new Tree(
                            integers(tree.get("left_children")),
                            integers(tree.get("right_children")),
                            integers(tree.get("split_indices")),
                            floats(tree.get("split_conditions"))));
        }
    }

    @Override
    public float probability(float[] row) {
        float sum = margin;
        for (Tree tree : trees) {
            sum += tree.value(row);
        }
        return (float) (1 / (1 + Math.exp(-sum)));
    }

    private static JsonNode read(String model) {
        try {
            return new ObjectMapper().readTree(new File(model));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static int[] integers(JsonNode values) {
        int[] made = new int[values.size()];
        for (int number = 0; number < made.length; number++) {
            made[number] = values.get(number).intValue();
        }
        return made;
    }

    private static float[] floats(JsonNode values) {
        float[] made = new float[values.size()];
        for (int number = 0; number < made.length; number++) {
            made[number] = values.get(number).floatValue();
        }
        return made;
    }
}
