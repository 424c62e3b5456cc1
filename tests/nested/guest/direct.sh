# The signed bundle, booted by ceno-vmm --direct through firmware and nucleus to a
# Linux program, on nested SVM.
set -e
direct="ceno-vmm --direct --firmware build/blobs/firmware.bin --trust build/blobs/trust.bin --memory 64"
echo "--- the entry paths and the refusals of MAP"
$direct --bundle build/blobs/bundle-paths.bin
if [ -f build/blobs/bundle.bin ]; then
	echo "--- busybox awk over the patients"
	program='NR > 1 { n[$2]++; c[$2] += $3 } END { for (w in n) print w, n[w], c[w] }'
	ceno-mkpack /tmp/pack /bin/busybox=/bin/busybox:program /in/patients.csv=tests/data/patients.csv:input \
		-- /bin/busybox awk -F, "$program" /in/patients.csv
	$direct --bundle build/blobs/bundle.bin --pack /tmp/pack >/tmp/inside
	busybox awk -F, "$program" tests/data/patients.csv >/tmp/outside
	cmp /tmp/inside /tmp/outside
	wc /tmp/inside
fi
echo "nested direct: passed"
