// The kernels of a network: layers forwards, the error of double DQN, gradients backwards, and Adam. Numbers of a batch
// lie in columns, one number of each observation side by side. Each sum has one order, which is part of its kernel, so
// that every device gives the same bits. Included by the struct that stands for a thread, and by the shader.

/// A number of a record of the replay memory, for an item each: this observation, the next one, then what was done.
WEIR_COMPUTE_BODY void gather(uint i) {
  const uint field = i / batch;
  const uint b = i % batch;
  const float value = replay[indices[b] * record + field];
  if (field < inputs) {
    values[values_in + i] = value;
  } else if (field < 2u * inputs) {
    values[values_out + (field - inputs) * batch + b] = value;
  } else {
    facts[(field - 2u * inputs) * batch + b] = value;
  }
}

/// A neuron for one observation: the bias and the products of even inputs, and those of odd ones, then both.
WEIR_COMPUTE_BODY void forward(uint i) {
  const uint j = i / batch;
  const uint b = i % batch;
  float even = parameters[weights + inputs * outputs + j];
  float odd = 0.0f;
  for (uint k = 0u; k < inputs; k += 2u) {
    even = even + values[values_in + k * batch + b] * parameters[weights + k * outputs + j];
    if (k + 1u < inputs) {
      odd = odd + values[values_in + (k + 1u) * batch + b] * parameters[weights + (k + 1u) * outputs + j];
    }
  }
  const float sum = even + odd;
  values[values_out + i] = rectified != 0u ? max(sum, 0.0f) : sum;
}

/// The action that the network being trained prefers in the next observation; of equal ones the first.
WEIR_COMPUTE_BODY void choose(uint b) {
  uint best = 0u;
  float most = values[values_out + b];
  for (uint j = 1u; j < outputs; ++j) {
    const float value = values[values_out + j * batch + b];
    best = value > most ? j : best;
    most = max(value, most);
  }
  facts[chosen_column * batch + b] = float(best);
}

/// What the action should have been worth: the reward, and what the target network says of the chosen next action.
WEIR_COMPUTE_BODY void aim(uint b) {
  const uint chosen = uint(facts[chosen_column * batch + b]);
  const float later = values[values_out + chosen * batch + b];
  const float going_on = 1.0f - facts[ended_column * batch + b];
  facts[aim_column * batch + b] = facts[reward_column * batch + b] + discount * (going_on * later);
}

/// Huber's loss of what the network said of the action that was taken, and its derivative by each output.
WEIR_COMPUTE_BODY void judge(uint b) {
  const uint taken = uint(facts[action_column * batch + b]);
  const float said = values[values_out + taken * batch + b];
  const float error = clamp(said - facts[aim_column * batch + b], -max_error, max_error);
  const float size = abs(error);
  facts[loss_column * batch + b] = size <= huber ? 0.5f * (error * error) : huber * (size - 0.5f * huber);
  const float slope = clamp(error, -huber, huber) / float(batch);
  for (uint j = 0u; j < outputs; ++j) errors[errors_out + j * batch + b] = j == taken ? slope : 0.0f;
}

/// The derivative by one weight, or by a bias, whose input is 1.
WEIR_COMPUTE_BODY void weigh(uint i) {
  const uint k = i / outputs;
  const uint j = i % outputs;
  float sum = 0.0f;
  for (uint part = 0u; part < gradient_sums; ++part) {
    float partial = 0.0f;
    for (uint b = part; b < batch; b += gradient_sums) {
      const float x = k < inputs ? values[values_in + k * batch + b] : 1.0f;
      partial = partial + x * errors[errors_out + j * batch + b];
    }
    sum = sum + partial;
  }
  gradients[weights + i] = sum;
}

/// The derivative by an input of the layer, which is 0 where ReLU cut it off.
WEIR_COMPUTE_BODY void back(uint i) {
  const uint k = i / batch;
  const uint b = i % batch;
  float sum = 0.0f;
  for (uint j = 0u; j < outputs; ++j) {
    sum = sum + errors[errors_out + j * batch + b] * parameters[weights + k * outputs + j];
  }
  errors[errors_in + i] = values[values_in + i] > 0.0f ? sum : 0.0f;
}

/// Adam (Kingma and Ba 2015), with bounds of the gradient and of the weight. `rate` has the corrections of its step.
WEIR_COMPUTE_BODY void adapt(uint i) {
  const float slope = clamp(gradients[i], -max_gradient, max_gradient);
  const float mean = keep_mean * moments[i] + (1.0f - keep_mean) * slope;
  const float square = keep_square * moments[all + i] + (1.0f - keep_square) * (slope * slope);
  moments[i] = mean;
  moments[all + i] = square;
  parameters[i] = clamp(parameters[i] - rate * mean / (WEIR_COMPUTE_SQRT(square) + epsilon), -max_weight, max_weight);
}

/// Makes the target network, which lies behind the one being trained, its copy.
WEIR_COMPUTE_BODY void refresh(uint i) { parameters[all + i] = parameters[i]; }
