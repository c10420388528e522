// SPDX-License-Identifier: Apache-2.0
import './dashboard.css';

document.getElementById('app').textContent = 'dashboard';
