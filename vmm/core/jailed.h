/*
 * The jailed role: what ceno-vmm does when the warden starts it (launch.h).
 *
 *   jail -> the node's part of the VM -> PARKED -> receive and check the launch record and
 *   its descriptors -> the session's part -> close all that set-up needed -> filter on both
 *   threads -> LOCKED -> GO -> run -> STOPPED, exit
 *
 * Parked it holds nothing of any session, and after LOCKED nothing can be received.
 *
 * Nothing is written anywhere but to the control socket and the program's streams.
 */
#ifndef CENO_VMM_JAILED_H
#define CENO_VMM_JAILED_H

/* Runs until the session ends; the exit status: 0 after a stop the warden or the guest
 * asked for, 3 after a violation, 4 after a host error. Never returns before lock
 * without having tried to tell the warden why. */
int ceno_jailed_main(void);

#endif
