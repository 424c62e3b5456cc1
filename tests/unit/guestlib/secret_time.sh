#!/bin/bash
# Signing under valgrind, the seed undefined: no branch and no address may depend on it.
command -v valgrind >/dev/null || { echo "no valgrind here: nothing is said about timing"; exit 77; }
valgrind=(valgrind --quiet --error-exitcode=9 --leak-check=no)
"${valgrind[@]}" "$1" || { echo "signing branches on its secret, or indexes by it"; exit 1; }
"${valgrind[@]}" "$1" leak >/dev/null 2>&1
[ $? = 9 ] || { echo "valgrind did not see the branch that is there"; exit 1; }
echo "no branch or address of key generation and signing depends on the seed"
