/* A library that was loaded before ours and took its part of the little room there is for such variables. */
__thread char room[1024] __attribute__((tls_model("initial-exec"))) = {1};
char* greedy_room(void) { return room; }
