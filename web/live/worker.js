// SPDX-License-Identifier: Apache-2.0
onconnect = (event) => event.ports[0].start();
