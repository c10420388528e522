// SPDX-License-Identifier: Apache-2.0
import './system.css';

document.getElementById('app').textContent = 'system';
