# A session on a machine that booted measured: OVMF, kernel and programs are in the
# TPM's registers, the event logs say what they are, and the proof's quote covers them.
# The host checks the proof against both logs afterwards (tests/nested/all).
set -e
log=/sys/kernel/security/tpm0/binary_bios_measurements
cenod --state /var/lib/cenotaph --tcti device:/dev/tpmrm0 --pidfile /run/cenod.pid </dev/null
ceno run --input tests/data/patients.csv --proof /out/proof.cdp.json -- busybox wc -l /in/patients.csv >/tmp/inside
[ "$(cat /tmp/inside)" = "$(wc -l <tests/data/patients.csv) /in/patients.csv" ]
cp "$log" /out/event-log
cp /sys/kernel/security/ima/binary_runtime_measurements /out/ima-log
tpm2 pcrread --tcti device:/dev/tpmrm0 sha256:0,1,2,3,4,5,6,7,8,9,10 >/out/pcrs
for pcr in 0 1 2 3 4 5 6 7; do
	! grep -q "^  *$pcr *: 0x0\{64\}$" /out/pcrs || { echo "PCR $pcr was never extended: no measured boot"; exit 1; }
done
ceno verify /out/proof.cdp.json
echo "nested measured: passed, $(wc -c </out/event-log) bytes of event log"
