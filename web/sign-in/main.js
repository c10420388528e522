// SPDX-License-Identifier: Apache-2.0
import './sign-in.css';

document.getElementById('app').textContent = 'sign-in';
