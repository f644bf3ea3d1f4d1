// The kernels of a network: layers forwards, the error of double DQN, gradients backwards, and Adam. Numbers of a batch
// lie in columns, one number of each observation side by side. Each sum has one order, which is part of its kernel, so
// that every device gives the same bits. Included by the struct that stands for a thread, and by the shader.

/// A number of a record of the replay memory, for an item each: this observation, the next one, then what was done.
WEIR_COMPUTE_BODY void gather(uint i) {
  const uint field = i / batch;
  const uint b = i % batch;
  const float value = replay[indices[b] * record + field];
  if (field < inputs) {
    before[i] = value;
  } else if (field < 2u * inputs) {
    after[(field - inputs) * batch + b] = value;
  } else if (field == 2u * inputs) {
    rewards[b] = value;
  } else if (field == 2u * inputs + 1u) {
    actions[b] = uint(value);
  } else {
    dones[b] = uint(value);
  }
}

/// A neuron for one observation: the bias and the products of even inputs, and those of odd ones, then both.
WEIR_COMPUTE_BODY void forward(uint i) {
  const uint j = i / batch;
  const uint b = i % batch;
  float even = biases[first_bias + j];
  float odd = 0.0f;
  for (uint k = 0u; k < inputs; k += 2u) {
    even = even + before[values_in + k * batch + b] * weights[first_weight + k * outputs + j];
    if (k + 1u < inputs) {
      odd = odd + before[values_in + (k + 1u) * batch + b] * weights[first_weight + (k + 1u) * outputs + j];
    }
  }
  const float sum = even + odd;
  after[values_out + i] = rectified != 0u ? max(sum, 0.0f) : sum;
}

/// What the action should have been worth: the reward, and what the target network says of the next action that the
/// network being trained prefers; of equal ones the first.
WEIR_COMPUTE_BODY void aim(uint b) {
  uint best = 0u;
  float most = after[b];
  for (uint j = 1u; j < outputs; ++j) {
    const float value = after[j * batch + b];
    best = value > most ? j : best;
    most = max(value, most);
  }
  const float later = target_values[best * batch + b];
  const float going_on = 1.0f - float(dones[b]);
  aims[b] = rewards[b] + discount * (going_on * later);
}

/// By how much the network was off for the action that was taken, and the derivative of Huber's loss by each output.
WEIR_COMPUTE_BODY void judge(uint b) {
  const uint taken = actions[b];
  const float error = clamp(after[taken * batch + b] - aims[b], -max_error, max_error);
  td_errors[b] = error;
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
      const float x = k < inputs ? before[values_in + k * batch + b] : 1.0f;
      partial = partial + x * errors[errors_out + j * batch + b];
    }
    sum = sum + partial;
  }
  gradients[first + i] = sum;
}

/// The derivative by an input of the layer, which is 0 where ReLU cut it off.
WEIR_COMPUTE_BODY void back(uint i) {
  const uint k = i / batch;
  const uint b = i % batch;
  float sum = 0.0f;
  for (uint j = 0u; j < outputs; ++j) {
    sum = sum + errors[errors_out + j * batch + b] * weights[first_weight + k * outputs + j];
  }
  errors[errors_in + i] = before[values_in + i] > 0.0f ? sum : 0.0f;
}

/// Adam (Kingma and Ba 2015), with bounds of the gradient and of the weight. `rate` has the corrections of its step.
WEIR_COMPUTE_BODY float adapted(float number, uint i) {
  const float slope = clamp(gradients[i], -max_gradient, max_gradient);
  const float mean = keep_mean * moments[i] + (1.0f - keep_mean) * slope;
  const float square = keep_square * moments[all + i] + (1.0f - keep_square) * (slope * slope);
  moments[i] = mean;
  moments[all + i] = square;
  return clamp(number - rate * mean / (WEIR_COMPUTE_SQRT(square) + epsilon), -max_weight, max_weight);
}

/// The weights of a layer, then its biases.
WEIR_COMPUTE_BODY void adapt(uint i) {
  const uint layer_weights = inputs * outputs;
  if (i < layer_weights) {
    weights[first_weight + i] = adapted(weights[first_weight + i], first + i);
  } else {
    const uint at = first_bias + i - layer_weights;
    biases[at] = adapted(biases[at], first + i);
  }
}

/// Makes numbers of the target network a copy of the network's being trained.
WEIR_COMPUTE_BODY void refresh(uint i) { after[i] = before[i]; }
