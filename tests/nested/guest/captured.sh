# A vmm that an attacker has taken over, on this kernel (no mseal, an older Landlock, cgroup v2) and this KVM:
# every attempt, with and without the filter. The host compares the names with its table (tests/nested/all).
set -e
build/test-bin/hostile_captured
echo "nested captured: passed"
