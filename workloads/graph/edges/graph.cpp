#include "workloads/graph/edges/graph.hpp"
